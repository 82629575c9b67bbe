/* A program with three memory errors, for the page memory-bug.md. Built with
 *
 *     clang --target=wasm32-wasi --sysroot=/usr -fdebug-compilation-dir=. -O0 -g -o tiles.wasm tiles.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct level {
    int width, height;
    char *tiles;
    char *name;
};

static struct level *new_level(int width, int height, const char *name) {
    struct level *level = malloc(sizeof *level);
    level->width = width;
    level->height = height;
    level->tiles = malloc(width * height);
    memset(level->tiles, '.', width * height);
    level->name = malloc(strlen(name)); /* no room for the zero byte */
    strcpy(level->name, name);
    return level;
}

static void draw_border(struct level *level) {
    for (int y = 0; y <= level->height; y++) /* one row too many */
        level->tiles[y * level->width] = '#';
}

static void free_level(struct level *level) {
    free(level->tiles);
    free(level); /* the name is lost */
}

int main(void) {
    struct level *level = new_level(16, 4, "The Cellar");
    draw_border(level);
    printf("%s: %dx%d\n", level->name, level->width, level->height);
    free_level(level);
    return 0;
}
