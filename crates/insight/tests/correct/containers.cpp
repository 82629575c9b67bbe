// A correct program that uses containers, strings, smart pointers and virtual calls.
#include <algorithm>
#include <cstdio>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};
struct Square : Shape {
    double side;
    explicit Square(double s) : side(s) {}
    double area() const override { return side * side; }
};
struct Disc : Shape {
    double radius;
    std::string name = "a disc with a name that needs the heap";
    explicit Disc(double r) : radius(r) {}
    double area() const override { return 3 * radius * radius; }
};

struct alignas(64) Aligned {
    char bytes[100];
};

int main() {
    std::vector<int> v;
    for (int i = 0; i < 10000; i++) v.push_back(i * 7 % 1001);
    std::sort(v.begin(), v.end());
    std::map<std::string, int> counts;
    for (int i = 0; i < 2000; i++) counts["key number " + std::to_string(i % 97)]++;
    std::unordered_map<int, std::vector<std::string>> groups;
    for (int i = 0; i < 500; i++) groups[i % 13].emplace_back(i, 'x');
    std::deque<double> d;
    for (int i = 0; i < 3000; i++) {
        d.push_back(i);
        if (i % 3 == 0) d.pop_front();
    }
    std::list<std::string> l(20, "a list of strings that are rather long");
    l.remove_if([](const std::string &s) { return s.empty(); });
    l.splice(l.begin(), l, std::prev(l.end()));
    std::set<int> s(v.begin(), v.end());
    for (int i = 0; i < 500; i++) s.erase(i * 2);
    std::vector<std::unique_ptr<Shape>> shapes;
    for (int i = 0; i < 50; i++) {
        if (i % 2) shapes.push_back(std::make_unique<Square>(i));
        else shapes.push_back(std::make_unique<Disc>(i));
    }
    double area = 0;
    for (auto &shape : shapes) area += shape->area();
    auto shared = std::make_shared<std::string>("shared");
    std::weak_ptr<std::string> weak = shared;
    std::function<int(int)> f = [shared, big = std::vector<int>(10, 1)](int x) { return x + big[3]; };
    std::ostringstream out;
    out << "stream " << 42 << ' ' << 2.5 << ' ' << *shared;
    auto *aligned = new Aligned[3];
    aligned[2].bytes[99] = 1;
    delete[] aligned;
    std::string text(1, 'a');
    while (text.size() < 100000) text += text;
    text.erase(10, 50000);
    text.shrink_to_fit();
    std::printf("%d %zu %zu %zu %zu %zu %.0f %d %s %zu %d\n", std::accumulate(v.begin(), v.end(), 0),
        counts.size(), groups.size(), d.size(), l.size(), s.size(), area, f(1), out.str().c_str(),
        text.size(), !weak.expired());
    return 0;
}
