// What a program costs that does nothing but call the host: `io CASE COUNT`, in a directory that
// holds the file `input` and the directory `many`. Prints a number that depends on all it got.
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 65536 };

static uint8_t block[BLOCK_BYTES];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int open_or_fail(const char *name, int flags) {
    int fd = open(name, flags, 0600);
    if (fd < 0) fail(name);
    return fd;
}

// `count` writes of `size` bytes.
static uint64_t writes(uint64_t count, size_t size) {
    int fd = open_or_fail("output", O_WRONLY | O_CREAT | O_TRUNC);
    memset(block, 'x', size);
    for (uint64_t i = 0; i < count; i++)
        if (write(fd, block, size) != (ssize_t)size) fail("write");
    struct stat stat;
    if (fstat(fd, &stat) != 0) fail("fstat");
    close(fd);
    return (uint64_t)stat.st_size;
}

// `count` reads of up to `size` bytes, from the beginning again after the end.
static uint64_t reads(uint64_t count, size_t size) {
    int fd = open_or_fail("input", O_RDONLY);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        ssize_t len = read(fd, block, size);
        if (len < 0) fail("read");
        if (len == 0 && lseek(fd, 0, SEEK_SET) != 0) fail("lseek");
        if (len > 0) sum += block[len - 1] + (uint64_t)len;
    }
    close(fd);
    return sum;
}

// Lists the directory `count` times.
static uint64_t lists(uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        DIR *dir = opendir("many");
        if (dir == NULL) fail("many");
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
            for (const char *c = entry->d_name; *c != 0; c++) sum += (uint8_t)*c;
        closedir(dir);
    }
    return sum;
}

// Opens, asks and closes `count` times.
static uint64_t opens(uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct stat by_name, by_fd;
        int fd = open_or_fail("input", O_RDONLY);
        if (fstat(fd, &by_fd) != 0 || stat("input", &by_name) != 0) fail("stat");
        close(fd);
        sum += (uint64_t)by_fd.st_size + (uint64_t)by_name.st_size;
    }
    return sum;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: io CASE COUNT\n");
        return 2;
    }
    const char *name = argv[1];
    uint64_t count = strtoull(argv[2], NULL, 10), result;
    if (strcmp(name, "write-bytes") == 0) result = writes(count, 1);
    else if (strcmp(name, "read-bytes") == 0) result = reads(count, 1);
    else if (strcmp(name, "write-blocks") == 0) result = writes(count, BLOCK_BYTES);
    else if (strcmp(name, "read-blocks") == 0) result = reads(count, BLOCK_BYTES);
    else if (strcmp(name, "list") == 0) result = lists(count);
    else if (strcmp(name, "open") == 0) result = opens(count);
    else {
        fprintf(stderr, "unknown case: %s\n", name);
        return 2;
    }
    printf("%llu\n", (unsigned long long)result);
    return 0;
}
