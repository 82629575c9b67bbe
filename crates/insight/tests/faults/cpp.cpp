/* Faults with `new`, `delete`, containers and objects. */
#include "faults.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

CASE(new_array_end) {
    int *p = new int[6];
    KEEP(p);
    p[fixed ? 5 : 6] = 1; SYNC(); // ERROR invalid-write 4
    delete[] p;
}

CASE(new_object_before) {
    double *p = new double(1);
    KEEP(p);
    p[fixed ? 0 : -1] = 2; SYNC(); // ERROR invalid-write 8
    delete p;
}

CASE(use_after_delete) {
    int *p = new int(4), *q = p;
    KEEP(q);
    if (!fixed) delete p;
    *q = 5; SYNC(); // ERROR use-after-free 4
    if (fixed) delete p;
}

CASE(double_delete) {
    int *p = new int(4), *q = p;
    KEEP(q);
    delete p;
    if (!fixed) delete q; // ERROR double-free
}

CASE(delete_of_an_array) {
    int *p = new int[4];
    KEEP(p);
    if (fixed) delete[] p;
    else delete p; // ERROR mismatched-free
}

CASE(array_delete_of_one) {
    int *p = new int(4);
    KEEP(p);
    if (fixed) delete p;
    else delete[] p; // ERROR mismatched-free
}

CASE(free_of_new) {
    int *p = new int(4);
    KEEP(p);
    if (fixed) delete p;
    else free(p); // ERROR mismatched-free
}

CASE(delete_of_malloc) {
    int *p = static_cast<int *>(malloc(sizeof *p));
    KEEP(p);
    if (fixed) free(p);
    else delete p; // ERROR mismatched-free
}

CASE(vector_past_the_end) {
    std::vector<int> v(5);
    int *p = v.data();
    KEEP(p);
    p[fixed ? 4 : 5] = 1; SYNC(); // ERROR invalid-write 4
}

CASE(vector_pointer_after_growth) {
    std::vector<int> v(4, 1);
    int *p = v.data();
    KEEP(p);
    v.reserve(1000);
    if (fixed) p = v.data();
    KEEP(p);
    p[2] = 9; SYNC(); // ERROR use-after-free 4
}

CASE(vector_reference_after_push) {
    std::vector<std::string> v(1, "a string longer than the inline buffer");
    v.shrink_to_fit();
    std::string *first = &v[0];
    KEEP(first);
    v.push_back("another");
    if (fixed) first = &v[0];
    KEEP(first);
    volatile size_t n = first->size(); SYNC(); // ERROR use-after-free
    (void)n;
}

CASE(string_pointer_after_change) {
    std::string s(40, 'a');
    const char *p = s.c_str();
    KEEP(p);
    s.append(400, 'b');
    if (fixed) p = s.c_str();
    KEEP(p);
    volatile char c = p[3]; SYNC(); // ERROR use-after-free 1
    (void)c;
}

CASE(string_data_past_the_end) {
    std::string s(40, 'a');
    char *p = &s[0];
    KEEP(p);
    s.shrink_to_fit();
    volatile char c = p[fixed ? 39 : 200]; SYNC(); // ERROR invalid-read 1
    (void)c;
}

struct Shape {
    virtual ~Shape() {}
    virtual int area() const { return 0; }
};
struct Square : Shape {
    int side;
    explicit Square(int s) : side(s) {}
    int area() const override { return side * side; }
};

static int area_of(const Shape *s) {
    return s->area(); SYNC(); // ERROR use-after-free 4
}

CASE(virtual_call_of_deleted) {
    Shape *s = new Square(3);
    KEEP(s);
    if (!fixed) delete s;
    volatile int a = area_of(s);
    (void)a;
    if (fixed) delete s;
}

CASE(erased_node_of_a_map) {
    std::map<int, int> m;
    for (int i = 0; i < 5; i++) m[i] = i;
    int *p = &m[3];
    KEEP(p);
    if (!fixed) m.erase(3);
    *p = 7; SYNC(); // ERROR use-after-free 4
}

CASE(unique_pointer_gone) {
    std::unique_ptr<int[]> u(new int[3]);
    int *p = u.get();
    KEEP(p);
    if (!fixed) u.reset();
    p[1] = 4; SYNC(); // ERROR use-after-free 4
}

CASE(lost_object) {
    Shape *s = new Square(2); // LEAK definite
    KEEP(s);
    if (fixed) delete s;
    s = nullptr;
    KEEP(s);
}

struct Holder {
    int *items;
    explicit Holder(int n) : items(new int[n]) {} // LEAK definite
    ~Holder() { if (fixed) delete[] items; }
};

CASE(destructor_that_forgets) {
    Holder h(8);
    KEEP(h.items);
}

struct Base { int x; ~Base() {} };
struct Derived : Base { int more[10]; };

CASE(deleted_through_a_smaller_base) {
    Derived *d = new Derived;
    KEEP(d);
    if (fixed) {
        delete d;
        return;
    }
    Base *b = d;
    KEEP(b);
    delete b; // ERROR mismatched-free
}

static int sum(const int *begin, const int *end) {
    int s = 0;
    for (; begin != end; ++begin) {
        s += *begin; SYNC(); // ERROR invalid-read 4
    }
    return s;
}

CASE(iterators_of_a_range) {
    std::vector<int> v(7, 1);
    v.shrink_to_fit();
    const int *p = v.data();
    KEEP(p);
    volatile int s = sum(p, p + (fixed ? 7 : 8));
    (void)s;
}
