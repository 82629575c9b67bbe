// A table of tiles, written through helpers that compilers inline.

struct tile {
  int kind;
  short height[4];
};

static struct tile tiles[8];
int counter = 7;
const char *greeting = "hello";
static double scale[3][2];

static inline int *slot(struct tile *row, int index) {
  return &row[index].kind;
}

static inline void store_tile(int index, int kind) {
  int *target = slot(tiles, index);
  *target = kind;
}

__attribute__((noinline)) int load_level(int index) {
  static int calls;
  calls++;
  store_tile(index, counter);
  scale[index & 1][1] += calls;
  return calls;
}

__attribute__((export_name("run"))) int run(int index) {
  int sum = 0;
  for (int i = 0; i < 2; i++) {
    sum += load_level(index * (i + 1));
    counter++;
  }
  return sum + greeting[1] + tiles[sum & 7].kind + (int)scale[0][1];
}
