/* Copies a file in blocks of odd sizes, and prints its length and checksums: `copy FROM TO`. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static uint32_t crc_table[256];

static void make_crc_table(void) {
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t c = n;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        crc_table[n] = c;
    }
}

static int fail(const char *what, const char *path) {
    fprintf(stderr, "copy: %s %s: %s\n", what, path, strerror(errno));
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s FROM TO\n", argc > 0 ? argv[0] : "copy");
        return 2;
    }
    FILE *from = fopen(argv[1], "rb");
    if (!from)
        return fail("cannot open", argv[1]);
    FILE *to = fopen(argv[2], "wb");
    if (!to)
        return fail("cannot create", argv[2]);

    make_crc_table();
    uint32_t crc = 0xffffffffu, a = 1, b = 0;
    uint64_t total = 0;
    static unsigned char block[4099];
    size_t wanted = 1, got;
    while ((got = fread(block, 1, wanted, from)) > 0) {
        for (size_t i = 0; i < got; i++) {
            crc = crc_table[(crc ^ block[i]) & 0xff] ^ (crc >> 8);
            a = (a + block[i]) % 65521;
            b = (b + a) % 65521;
        }
        if (fwrite(block, 1, got, to) != got)
            return fail("cannot write", argv[2]);
        total += got;
        wanted = wanted * 3 % sizeof block + 1;
    }
    if (ferror(from))
        return fail("cannot read", argv[1]);
    if (fclose(to) != 0)
        return fail("cannot write", argv[2]);
    fclose(from);

    struct stat status;
    if (stat(argv[2], &status) != 0)
        return fail("cannot find", argv[2]);
    printf("%llu bytes, file of %lld\n", (unsigned long long)total, (long long)status.st_size);
    printf("crc32 %08x\nadler32 %08x\n", (unsigned)(crc ^ 0xffffffffu), (unsigned)(b << 16 | a));

    /* Read the copy back, from its end. */
    FILE *back = fopen(argv[2], "rb");
    if (!back)
        return fail("cannot open", argv[2]);
    uint32_t sum = 0;
    for (long at = (long)total - 1; at >= 0; at -= 997) {
        if (fseek(back, at, SEEK_SET) != 0)
            return fail("cannot seek in", argv[2]);
        sum = sum * 31 + (uint32_t)fgetc(back);
    }
    printf("samples %08x, end of file %s\n", (unsigned)sum, feof(back) ? "seen" : "not seen");
    fclose(back);
    return 0;
}
