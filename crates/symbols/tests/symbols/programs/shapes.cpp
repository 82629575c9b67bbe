// Namespaces, templates, methods and lambdas, inlined in each other.

namespace geometry {

int drawn;

namespace {
int hidden[5];
}

template <typename T> struct box {
  T *cells;
  static int made;
  inline T &at(int index) { return cells[index]; }
  inline void set(int index, T value) { at(index) = value; }
};

template <typename T> int box<T>::made = 3;

struct canvas {
  box<int> pixels;
  __attribute__((noinline)) void draw(int index, int colour) {
    auto paint = [&](int at) { pixels.set(at, colour); };
    paint(index);
    hidden[drawn % 5] = colour;
    drawn++;
  }
};

int last() { return hidden[(drawn + 4) % 5]; }

} // namespace geometry

static int memory[16];

extern "C" __attribute__((export_name("run"))) int run(int index) {
  geometry::canvas canvas{{memory}};
  for (int i = 0; i < 3; i++)
    canvas.draw(index + i, i);
  return geometry::last() + geometry::box<int>::made;
}
