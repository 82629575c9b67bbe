/* Prints everything that printf can, and reads some of it back. */
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

static void integers(void) {
    static const long long values[] = {0, 1, -1, 42, -12345, INT_MAX, INT_MIN, LLONG_MAX, LLONG_MIN};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        long long v = values[i];
        printf("[%d] [%i] [%u] [%o] [%x] [%X]\n", (int)v, (int)v, (unsigned)v, (unsigned)v,
               (unsigned)v, (unsigned)v);
        printf("[%5d] [%-5d] [%05d] [%+d] [% d] [%.3d] [%8.3d] [%-8.3d] [%+08d]\n", (int)v, (int)v,
               (int)v, (int)v, (int)v, (int)v, (int)v, (int)v, (int)v);
        printf("[%#o] [%#x] [%#X] [%#010x] [%*d] [%-*d] [%.*d]\n", (unsigned)v, (unsigned)v,
               (unsigned)v, (unsigned)v, 9, (int)v, 9, (int)v, 4, (int)v);
        printf("[%hhd] [%hhu] [%hd] [%hu] [%ld] [%lu] [%lld] [%llu] [%jd] [%zd] [%td]\n",
               (signed char)v, (unsigned char)v, (short)v, (unsigned short)v, (long)v,
               (unsigned long)v, v, (unsigned long long)v, (intmax_t)v, (ptrdiff_t)v, (ptrdiff_t)v);
        printf("[%" PRId64 "] [%" PRIx64 "] [%" PRIo32 "]\n", (int64_t)v, (uint64_t)v, (uint32_t)v);
    }
}

static void floats(void) {
    static const double values[] = {0.0,     -0.0,     1.0,      -1.5,     0.1,    123456.789,
                                    1e10,    1e-10,    1e100,    DBL_MAX,  DBL_MIN, DBL_EPSILON,
                                    9.9995,  0.5,      2.5,      1e15,     1e16,    123456789012345678.0};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        double v = values[i];
        printf("[%f] [%e] [%g] [%a]\n", v, v, v, v);
        printf("[%F] [%E] [%G] [%A]\n", v, v, v, v);
        printf("[%.0f] [%.1f] [%.10f] [%#.0f] [%.17g] [%.3e] [%#g]\n", v, v, v, v, v, v, v);
        printf("[%12.3f] [%-12.3f] [%+.2f] [% .2f] [%012.3f] [%+012.2e]\n", v, v, v, v, v, v);
    }
    printf("[%f] [%F] [%g] [%10f] [%-10f] [%010f] [%+f]\n", INFINITY, INFINITY, -INFINITY, INFINITY,
           -INFINITY, INFINITY, INFINITY);
    printf("[%f] [%F] [%8g] [%a]\n", fabs((double)NAN), fabs((double)NAN), fabs((double)NAN),
           (double)INFINITY);
}

static void strings(void) {
    printf("[%s] [%10s] [%-10s] [%.2s] [%10.2s] [%.0s] [%%] [%c] [%5c] [%-5c]\n", "text", "text",
           "text", "text", "text", "text", 'x', 'y', 'z');
    printf("[%ls] [%lc]\n", L"wide", (wint_t)L'w');
    int written = -1;
    printf("counted%n to here: %s\n", &written, "seven");
    printf("%d\n", written);
    char buffer[16];
    int length = snprintf(buffer, sizeof buffer, "%s and %s", "too long", "to fit");
    printf("%d [%s]\n", length, buffer);
    printf("%2$s %1$s\n", "second", "first");
    printf("%p %p\n", (void *)0, (void *)0x1234);
}

static void scanning(void) {
    int a, b;
    unsigned x;
    double d;
    char word[20], set[20];
    int n = sscanf("12 -34 0xff 2.5e3 word abc123", "%d %i %x %lf %19s %19[a-c]", &a, &b, &x, &d,
                   word, set);
    printf("%d: %d %d %x %g %s %s\n", n, a, b, x, d, word, set);
    printf("%g %ld %lld %lu\n", strtod("1e-3rest", NULL), strtol("-0x10", NULL, 0),
           strtoll("777", NULL, 8), strtoul("zz", NULL, 36));
}

static void maths(void) {
    for (int i = 1; i <= 5; i++) {
        double v = i * 0.7;
        printf("%.15g %.15g %.15g %.15g %.15g %.15g %.15g %.15g\n", sqrt(v), sin(v), cos(v), tan(v),
               exp(v), log(v), pow(v, 2.5), atan2(v, 1.0));
        printf("%.9g %.9g %.9g %.9g %.9g\n", (double)sinf((float)v), (double)sqrtf((float)v),
               floor(v), ceil(v), fmod(v, 0.3));
    }
}

static void times(void) {
    time_t when = 1000000000;
    struct tm *utc = gmtime(&when);
    char text[100];
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %a %b %j", utc);
    printf("%s\n", text);
    printf("%lld\n", (long long)mktime(utc));
}

int main(int argc, char **argv) {
    setlocale(LC_ALL, "C");
    integers();
    floats();
    strings();
    scanning();
    maths();
    times();
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    const char *greeting = getenv("GREETING");
    printf("GREETING=%s\n", greeting ? greeting : "(unset)");
    fprintf(stderr, "to standard error\n");
    return 3;
}
