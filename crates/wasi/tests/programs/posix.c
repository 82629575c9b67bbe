// What a C program sees of the host by way of its library: `posix SECTION`, in the directory `data`.
// Prints the same when it is compiled for Linux and run there, but for what WASI has otherwise.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, long result) {
    if (result < 0) printf("%s: %s\n", what, strerror(errno));
    else printf("%s: %ld\n", what, result);
}

#define SAY(call) (errno = 0, say(#call, (long)(call)))

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(name, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(name);
        exit(1);
    }
}

static void errors(void) {
    char buffer[16];
    write_file("data/file", "contents");
    SAY(mkdir("data/sub", 0700));
    SAY(mkdir("data/sub", 0700));
    SAY(open("data/missing", O_RDONLY));
    SAY(open("data/file/x", O_RDONLY));
    SAY(open("data/sub", O_WRONLY));
    SAY(open("data/file", O_RDONLY | O_DIRECTORY));
    SAY(open("data/file", O_WRONLY | O_CREAT | O_EXCL, 0600));
    SAY(symlink("circle", "data/circle"));
    SAY(open("data/circle", O_RDONLY));
    SAY(open("data/circle", O_RDONLY | O_NOFOLLOW));
    SAY(readlink("data/circle", buffer, sizeof buffer));
    SAY(readlink("data/file", buffer, sizeof buffer));
    SAY(rmdir("data/file"));
    SAY(unlink("data/sub"));
    SAY(rename("data/sub", "data/sub/below"));
    SAY(rename("data/file", "data/sub/file"));
    SAY(rmdir("data/sub"));
    SAY(link("data/sub/file", "data/link"));
    SAY(unlink("data/sub/file"));
    SAY(rmdir("data/sub"));
    SAY(unlink("data/link"));
    SAY(unlink("data/link"));
    SAY(unlink("data/circle"));
    SAY(close(77));
    SAY(read(77, buffer, 1));
    SAY(lseek(77, 0, SEEK_SET));
    SAY(isatty(77));
    int fd = open("data/file", O_WRONLY | O_CREAT, 0600);
    SAY(read(fd, buffer, 1));
    SAY(lseek(fd, -1, SEEK_SET));
    SAY(isatty(fd));
    SAY(close(fd));
    SAY(close(fd));
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    memcpy(name, "data/", 5);
    say("a long name", open(name, O_RDONLY));
    SAY(unlink("data/file"));
}

static void stdio(void) {
    FILE *file = fopen("data/lines", "w+");
    for (int i = 0; i < 1000; i++) fprintf(file, "line %d\n", i);
    SAY(ftell(file));
    SAY(fseek(file, -9, SEEK_END));
    char line[32];
    printf("%s", fgets(line, sizeof line, file));
    printf("%d\n", fgets(line, sizeof line, file) == NULL);
    printf("%d %d\n", feof(file) != 0, ferror(file) != 0);
    rewind(file);
    int number = 0, sum = 0;
    while (fscanf(file, "line %d\n", &number) == 1) sum += number;
    printf("sum %d\n", sum);
    SAY(ungetc('q', file));
    printf("%c\n", fgetc(file));
    SAY(fclose(file));
    file = fopen("data/lines", "a");
    SAY(fputs("more\n", file));
    SAY(fclose(file));
    file = fopen("data/lines", "r");
    SAY(fseek(file, -5, SEEK_END));
    printf("%s", fgets(line, sizeof line, file));
    SAY(fputs("x", file));
    SAY(fclose(file));
    SAY(truncate("data/lines", 4));
    file = fopen("data/lines", "r");
    printf("%s\n", fgets(line, sizeof line, file));
    fclose(file);
    printf("%d\n", fopen("data/none/lines", "r") == NULL);
    SAY(remove("data/lines"));
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void directories(void) {
    static char *names[2000];
    SAY(mkdir("data/many", 0700));
    char name[64];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "data/many/%0*d", i % 40 + 1, i);
        write_file(name, "");
    }
    DIR *dir = opendir("data/many");
    int count = 0;
    long middle = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL; count++) {
        names[count] = strdup(entry->d_name);
        if (count == 250) middle = telldir(dir);
    }
    qsort(names, count, sizeof names[0], by_name);
    printf("%d: %s %s %s\n", count, names[0], names[1], names[count - 1]);
    seekdir(dir, middle);
    int rest = 0;
    while (readdir(dir) != NULL) rest++;
    printf("after the middle: %d\n", rest);
    rewinddir(dir);
    rest = 0;
    while (readdir(dir) != NULL) rest++;
    printf("again: %d\n", rest);
    SAY(closedir(dir));
    // Removed while it is listed.
    dir = opendir("data/many");
    int removed = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "data/many/%s", entry->d_name);
        if (unlink(name) == 0) removed++;
    }
    closedir(dir);
    printf("removed %d\n", removed);
    SAY(rmdir("data/many"));
    printf("%d\n", opendir("data/many") == NULL);
}

static void large(void) {
    int fd = open("data/large", O_RDWR | O_CREAT | O_TRUNC, 0600);
    off_t far = (off_t)5 << 30;
    printf("%lld\n", (long long)lseek(fd, far, SEEK_SET));
    SAY(write(fd, "end", 3));
    struct stat stat;
    SAY(fstat(fd, &stat));
    printf("%lld\n", (long long)stat.st_size);
    printf("%lld\n", (long long)lseek(fd, -3, SEEK_END));
    char buffer[8] = "";
    SAY(read(fd, buffer, sizeof buffer));
    printf("%.3s\n", buffer);
    SAY(pread(fd, buffer, 4, far - 1));
    printf("%d %.3s\n", buffer[0], buffer + 1);
    SAY(pwrite(fd, "far", 3, far + far));
    printf("%lld\n", (long long)lseek(fd, 0, SEEK_END));
    SAY(ftruncate(fd, far));
    printf("%lld\n", (long long)lseek(fd, 0, SEEK_END));
    FILE *file = fdopen(fd, "r+");
    SAY(fseeko(file, far - 2, SEEK_SET));
    SAY(fputs("ab", file));
    printf("%lld\n", (long long)ftello(file));
    fclose(file);
    SAY(unlink("data/large"));
}

static void times(void) {
    write_file("data/file", "x");
    struct timespec times[2] = {{1000000000, 123456789}, {2000000000, 987654321}};
    SAY(utimensat(AT_FDCWD, "data/file", times, 0));
    struct stat by_name, by_fd;
    SAY(stat("data/file", &by_name));
    printf("%lld.%09ld\n", (long long)by_name.st_atim.tv_sec, by_name.st_atim.tv_nsec);
    printf("%lld.%09ld\n", (long long)by_name.st_mtim.tv_sec, by_name.st_mtim.tv_nsec);
    int fd = open("data/file", O_RDWR);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = 5;
    SAY(futimens(fd, times));
    SAY(fstat(fd, &by_fd));
    printf("%lld.%09ld\n", (long long)by_fd.st_atim.tv_sec, by_fd.st_atim.tv_nsec);
    printf("%lld.%09ld\n", (long long)by_fd.st_mtim.tv_sec, by_fd.st_mtim.tv_nsec);
    printf("%d %d %d\n", by_fd.st_ino == by_name.st_ino, S_ISREG(by_fd.st_mode), (int)by_fd.st_nlink);
    close(fd);
    struct timespec before, after, nap = {0, 20000000};
    clock_gettime(CLOCK_MONOTONIC, &before);
    SAY(nanosleep(&nap, NULL));
    clock_gettime(CLOCK_MONOTONIC, &after);
    long long slept = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
    printf("%d\n", slept >= 20000000);
    clock_gettime(CLOCK_REALTIME, &after);
    after.tv_nsec += 10000000;
    if (after.tv_nsec >= 1000000000) after.tv_sec++, after.tv_nsec -= 1000000000;
    printf("%d\n", clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &after, NULL));
    SAY(unlink("data/file"));
}

// Standard input and output, as an event loop sees them.
static void streams(void) {
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(0, &in);
    FD_SET(1, &out);
    int ready = select(2, &in, &out, NULL, NULL);
    fprintf(stderr, "select: %d %d %d\n", ready, FD_ISSET(0, &in) != 0, FD_ISSET(1, &out) != 0);
    struct timeval soon = {0, 10000};
    FD_ZERO(&in);
    FD_SET(0, &in);
    ready = select(1, &in, NULL, NULL, &soon);
    fprintf(stderr, "select: %d %d\n", ready, FD_ISSET(0, &in) != 0);
    struct pollfd fds[] = {{0, POLLIN, 0}, {1, POLLOUT, 0}, {55, POLLIN, 0}};
    ready = poll(fds, 2, 10);
    fprintf(stderr, "poll: %d %d %d\n", ready, fds[0].revents, fds[1].revents);
    ready = poll(fds, 1, 10);
    fprintf(stderr, "poll: %d %d\n", ready, fds[0].revents);
    for (int fd = 0; fd < 2; fd++) {
        struct stat stat;
        int result = fstat(fd, &stat);
        const char *kind = result < 0             ? strerror(errno)
                           : S_ISREG(stat.st_mode) ? "file"
                           : S_ISCHR(stat.st_mode) ? "device"
                           : S_ISDIR(stat.st_mode) ? "directory"
                                                   : "other";
        int is_terminal = isatty(fd);
        const char *why = is_terminal ? "" : strerror(errno);
        fprintf(stderr, "%d: %s, terminal %d %s\n", fd, kind, is_terminal, why);
    }
    char buffer[16];
    ssize_t len;
    while ((len = read(0, buffer, sizeof buffer)) > 0)
        fprintf(stderr, "read %zd: %.*s\n", len, (int)len, buffer);
    if (len < 0) fprintf(stderr, "read: %s\n", strerror(errno));
    if (write(1, "written\n", 8) < 0) fprintf(stderr, "write: %s\n", strerror(errno));
}

int main(int argc, char **argv) {
    const char *section = argc == 2 ? argv[1] : "";
    if (strcmp(section, "errors") == 0) errors();
    else if (strcmp(section, "stdio") == 0) stdio();
    else if (strcmp(section, "directories") == 0) directories();
    else if (strcmp(section, "large") == 0) large();
    else if (strcmp(section, "times") == 0) times();
    else if (strcmp(section, "streams") == 0) streams();
    else {
        fprintf(stderr, "usage: posix SECTION\n");
        return 2;
    }
    return 0;
}
