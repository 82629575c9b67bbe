/* A game that loses its counter: `load_level` writes beyond `level`, into `lives`.
 *
 * clang-14 --target=wasm32-wasi --sysroot=/usr -g -O1 -fno-inline-functions -ffile-prefix-map=$PWD=. \
 *     counter.c -o counter.wasm
 * llvm-strip-14 counter.wasm -o counter-stripped.wasm
 */
#include <stdio.h>
#include <string.h>

static struct {
    char level[12];
    int lives;
} game = {"", 3};

static void load_level(const char *name) {
    strcpy(game.level, name);
}

static void lose_life(void) {
    if (game.lives > 1) {
        game.lives -= 1;
    }
}

static void show(void) {
    fputs(game.level, stdout);
    puts(game.lives == 1 ? ": last life" : game.lives == 2 ? ": 2 lives" : ": many lives");
}

int main(void) {
    load_level("Meadow");
    lose_life();
    show();
    load_level("Forest of Doom");
    show();
    return 0;
}
