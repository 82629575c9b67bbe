// A correct program: what the containers, the algorithms and the pointers of C++'s library do with memory.
#include <algorithm>
#include <any>
#include <array>
#include <bitset>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <forward_list>
#include <functional>
#include <iomanip>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <queue>
#include <random>
#include <set>
#include <sstream>
#include <stack>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <valarray>
#include <variant>
#include <vector>

#define CHECK(...) do { if (!(__VA_ARGS__)) { std::printf("wrong: %d %s\n", __LINE__, #__VA_ARGS__); std::exit(1); } } while (0)

struct alignas(64) Line { char bytes[64]; };

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};
struct Square : Shape {
    double side;
    std::string name = "a square with a name that needs a block";
    explicit Square(double side) : side(side) {}
    double area() const override { return side * side; }
};
struct Circle : Shape {
    std::vector<double> radii;
    explicit Circle(double radius) : radii(3, radius) {}
    double area() const override { return 3 * radii[0] * radii[2]; }
};

struct Node {
    int value;
    std::vector<std::shared_ptr<Node>> children;
    std::weak_ptr<Node> parent;
};

static void strings() {
    for (size_t length = 0; length < 70; length++) {
        std::string s(length, 'x'), t = s;
        t += "tail"; t.insert(length / 2, "middle"); t.erase(0, length / 3); t.replace(0, 2, "longer than two");
        t.shrink_to_fit(); t.reserve(length * 3); t.resize(length);
        CHECK(t.size() == length && s.find('y') == std::string::npos && s.compare(s) == 0);
        std::string_view view = s;
        CHECK(view.substr(length / 2).size() == length - length / 2);
        std::string moved = std::move(s);
        CHECK(moved.c_str()[length] == 0 && std::strlen(moved.data()) == length);
        std::swap(moved, t);
        std::wstring wide(length, L'w');
        CHECK((wide + L"!").size() == length + 1);
    }
    std::ostringstream out;
    for (int i = 0; i < 500; i++) out << std::setw(5) << i << ' ' << std::hex << i << std::dec << ' ' << i / 7.0 << '\n';
    std::istringstream in(out.str());
    std::string line;
    int lines = 0;
    while (std::getline(in, line)) lines++;
    CHECK(lines == 500 && std::stoi("42") == 42 && std::to_string(1.5).size() == 8);
}

static void sequences() {
    std::vector<int> v;
    std::vector<bool> bits;
    std::deque<std::string> d;
    std::list<int> l, m;
    std::forward_list<int> f;
    for (int i = 0; i < 1000; i++) {
        v.push_back(i * 7919 % 1009);
        bits.push_back(i % 3 == 0);
        if (i % 2) d.push_back(std::to_string(i) + " as a string of some length"); else d.emplace_front(i % 40, 'd');
        l.push_front(i);
        f.push_front(i);
        if (i % 5 == 0) { d.pop_front(); v.insert(v.begin() + i / 2, -i); v.erase(v.begin()); }
    }
    bits.flip(); bits.insert(bits.begin() + 77, true); bits.resize(333);
    m.splice(m.begin(), l, std::next(l.begin(), 100), std::next(l.begin(), 400));
    m.sort(); m.reverse(); m.unique(); l.merge(m); l.remove_if([](int i) { return i % 2; });
    f.reverse(); f.sort(); f.unique();
    CHECK(std::distance(f.begin(), f.end()) == 1000 && m.empty());
    auto copy = v;
    std::sort(v.begin(), v.end()); std::stable_sort(copy.begin(), copy.end(), std::greater<>());
    std::inplace_merge(v.begin(), v.begin() + 300, v.end()); std::reverse(copy.begin(), copy.end());
    CHECK(v == copy);
    std::nth_element(copy.begin(), copy.begin() + 50, copy.end()); std::rotate(copy.begin(), copy.begin() + 9, copy.end());
    std::partial_sum(v.begin(), v.end(), copy.begin());
    v.erase(std::unique(v.begin(), v.end()), v.end()); v.shrink_to_fit();
    std::make_heap(v.begin(), v.end()); std::sort_heap(v.begin(), v.end());
    std::next_permutation(v.begin(), v.end()); std::stable_partition(v.begin(), v.end(), [](int i) { return i % 2; });
    std::vector<std::vector<std::string>> nested(20, std::vector<std::string>(5, std::string(30, 'n')));
    nested.insert(nested.begin() + 3, nested[7]); nested.emplace_back(); nested.erase(nested.begin(), nested.begin() + 5);
    std::priority_queue<std::string> queue;
    std::stack<int> stack; std::queue<int, std::list<int>> fifo;
    for (int i = 0; i < 100; i++) { queue.push(std::string(i % 25, 'q')); stack.push(i); fifo.push(i); }
    while (!queue.empty()) queue.pop();
    std::valarray<double> a(1.5, 50), b = a * 2.0 + std::valarray<double>(a[std::slice(0, 50, 1)]);
    std::bitset<200> set; set.set(199);
    CHECK(b.sum() == 225 && set.count() == 1 && std::array<int, 3>{1, 2, 3}.size() == 3);
}

static void associations() {
    std::map<std::string, std::vector<int>> map;
    std::multimap<int, std::string> multi;
    std::unordered_map<std::string, std::unique_ptr<int>> hash;
    std::unordered_multiset<int> many;
    std::set<std::pair<int, std::string>> pairs;
    for (int i = 0; i < 2000; i++) {
        auto key = "key " + std::to_string(i % 257) + std::string(i % 20, '.');
        map[key].push_back(i);
        multi.emplace(i % 11, key);
        hash[key] = std::make_unique<int>(i);
        many.insert(i % 31);
        pairs.emplace(i % 13, key);
        if (i % 7 == 0) { map.erase(map.begin()); hash.erase(hash.begin()); multi.erase(multi.find(i % 11)); }
    }
    auto node = map.extract(map.begin());
    node.key() = "a key of its own, which is long";
    map.insert(std::move(node));
    hash.rehash(5000); hash.reserve(10);
    size_t total = 0;
    for (auto &[key, values] : map) total += key.size() + values.size();
    for (auto [at, end] = multi.equal_range(3); at != end; ++at) total += at->second.size();
    CHECK(total > 0 && many.count(5) > 0 && pairs.lower_bound({5, ""}) != pairs.end());
}

static void pointers() {
    std::vector<std::unique_ptr<Shape>> shapes;
    for (int i = 0; i < 50; i++) {
        if (i % 2) shapes.push_back(std::make_unique<Square>(i)); else shapes.emplace_back(new Circle(i));
    }
    std::shuffle(shapes.begin(), shapes.end(), std::minstd_rand(7));
    shapes.erase(shapes.begin() + 10, shapes.begin() + 20);
    double area = 0;
    for (auto &shape : shapes) area += shape->area();
    auto root = std::make_shared<Node>(Node{0, {}, {}});
    for (int i = 0; i < 20; i++) {
        auto child = std::make_shared<Node>(Node{i, {}, root});
        child->children.push_back(std::shared_ptr<Node>(new Node{i * 10, {}, child}));
        root->children.push_back(child);
    }
    std::weak_ptr<Node> last = root->children.back();
    std::shared_ptr<int> inside(root, &root->value);
    root->children.clear();
    CHECK(area > 0 && last.expired() && inside.use_count() == 2);
    std::unique_ptr<int[]> array(new int[10]());
    std::unique_ptr<FILE, int (*)(FILE *)> file(fmemopen(nullptr, 100, "w+"), std::fclose);
    std::shared_ptr<char> freed(static_cast<char *>(std::malloc(9)), std::free);
    std::function<int(int)> f = [array = std::vector<int>(100, 1)](int i) { return array[i]; }, g = f;
    std::any any = std::string(50, 'a');
    any = std::vector<int>(9);
    std::variant<int, std::string, std::vector<int>> variant = std::string(40, 'v');
    variant = 5; variant = std::vector<int>{1, 2, 3};
    std::optional<std::string> optional(std::in_place, 60, 'o');
    optional.reset();
    CHECK(f(99) + g(0) == 2 && std::get<2>(variant).size() == 3 && std::any_cast<std::vector<int>>(any).size() == 9);
    Line *lines = new Line[3], *line = new Line;
    std::memset(lines, 1, sizeof(Line) * 3); std::memset(line, 2, sizeof *line);
    CHECK(reinterpret_cast<size_t>(line) % 64 == 0);
    delete[] lines; delete line;
    void *raw = ::operator new(100), *quiet = ::operator new[](10, std::nothrow);
    auto *placed = new (raw) std::string(80, 'p');
    placed->~basic_string();
    ::operator delete(raw, size_t(100)); ::operator delete[](quiet);
    delete static_cast<int *>(nullptr);
}

int main() {
    for (int i = 0; i < 2; i++) { strings(); sequences(); associations(); pointers(); }
    std::puts("correct");
}
