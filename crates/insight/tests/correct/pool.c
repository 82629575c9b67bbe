// A correct program with an allocator of its own, which compilers inline into what calls it.
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct free_block {
  struct free_block *next;
  size_t size;
};
static char *top, *end;
static struct free_block *list;

void *malloc(size_t size) {
  size = (size + 15) & ~15u;
  for (struct free_block **at = &list; *at; at = &(*at)->next)
    if ((*at)->size >= size) {
      struct free_block *found = *at;
      *at = found->next;
      return found + 1;
    }
  if (top + size + 8 > end) {
    size_t pages = (size + 65536 + 8) / 65536 + 1, old = __builtin_wasm_memory_grow(0, pages);
    if (!top || end != (char *)(old * 65536)) top = (char *)(old * 65536);
    end = (char *)((old + pages) * 65536);
  }
  struct free_block *made = (struct free_block *)top;
  made->size = size;
  top += size + 8;
  return made + 1;
}

void free(void *block) {
  if (!block) return;
  struct free_block *freed = (struct free_block *)block - 1;
  freed->next = list;
  list = freed;
}

void *realloc(void *block, size_t size) {
  if (!block) return malloc(size);
  size_t old = ((struct free_block *)block - 1)->size;
  if (old >= size) return block;
  void *moved = malloc(size);
  memcpy(moved, block, old);
  free(block);
  return moved;
}

struct node {
  struct node *left, *right;
  int key;
};

static struct node *insert(struct node *tree, int key) {
  if (!tree) {
    tree = malloc(sizeof *tree);
    tree->left = tree->right = 0;
    tree->key = key;
  } else if (key < tree->key)
    tree->left = insert(tree->left, key);
  else
    tree->right = insert(tree->right, key);
  return tree;
}

static int sum(struct node *tree) {
  if (!tree) return 0;
  int total = tree->key + sum(tree->left) + sum(tree->right);
  free(tree);
  return total;
}

int main(void) {
  struct node *tree = 0;
  int *numbers = 0, count = 0, room = 0;
  for (int i = 0; i < 300; i++) tree = insert(tree, i * 7919 % 1009);
  for (int i = 0; i < 1000; i++) {
    if (count == room) numbers = realloc(numbers, (room = room * 2 + 4) * sizeof(int));
    numbers[count++] = i;
  }
  int total = sum(tree);
  for (int i = 0; i < count; i++) total += numbers[i];
  free(numbers);
  printf("%d\n", total);
}
