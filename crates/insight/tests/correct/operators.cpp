// A correct program that replaces the operators `new` and `delete`, some of which are inlined.
#include <cstdio>
#include <cstdlib>
#include <new>

void *operator new(size_t size) {
  void *block = malloc(size ? size : 1);
  if (!block) abort();
  return block;
}
void *operator new[](size_t size) { return operator new(size); }
void operator delete(void *block) noexcept { free(block); }
void operator delete[](void *block) noexcept { free(block); }
void operator delete(void *block, size_t) noexcept { free(block); }
void operator delete[](void *block, size_t) noexcept { free(block); }

struct Shape {
  int side;
  virtual ~Shape() {}
  virtual int area() { return side * side; }
};
struct Rows : Shape {
  int rows[10] = {};
  int area() override { return rows[side % 10] + side; }
};

int main(int count, char **) {
  Shape *shapes[50];
  int total = 0;
  for (int i = 0; i < 50; i++) {
    shapes[i] = i % 2 ? new Shape : new Rows;
    shapes[i]->side = i;
  }
  for (Shape *shape : shapes) {
    total += shape->area();
    delete shape;
  }
  int *numbers = new int[count * 20];
  numbers[count] = 4;
  total += numbers[count];
  delete[] numbers;
  printf("%d\n", total);
}
