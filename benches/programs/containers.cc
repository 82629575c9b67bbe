// Shops, orders and customers in containers of C++: vectors of vectors, a heap, strings with room
// for short ones, an ordered map as a treap, and sorting with function objects. n is the number of
// orders.
#include "rt.hh"

class Text {
    static constexpr u32 SHORT = 15;
    u32 length = 0;
    char *letters;
    char inside[SHORT + 1];

    void take(Text &from) {
        length = from.length;
        letters = from.letters == from.inside ? inside : from.letters;
        if (letters == inside) memcpy(inside, from.inside, length + 1);
        from.letters = from.inside;
        from.length = 0;
    }

public:
    Text(const char *from = "") : length((u32)strlen(from)) {
        letters = length <= SHORT ? inside : static_cast<char *>(heap_alloc(length + 1));
        memcpy(letters, from, length + 1);
    }
    Text(const Text &from) : Text(from.letters) {}
    Text(Text &&from) { take(from); }
    Text &operator=(Text &&from) {
        if (letters != inside) heap_free(letters);
        take(from);
        return *this;
    }
    ~Text() {
        if (letters != inside) heap_free(letters);
    }
    Text operator+(const Text &other) const {
        Text sum;
        sum.length = length + other.length;
        if (sum.length > SHORT) sum.letters = static_cast<char *>(heap_alloc(sum.length + 1));
        memcpy(sum.letters, letters, length);
        memcpy(sum.letters + length, other.letters, other.length + 1);
        return sum;
    }
    bool operator<(const Text &other) const { return strcmp(letters, other.letters) < 0; }
    u64 hash() const {
        u64 sum = 0;
        for (u32 i = 0; i < length; i++) sum = mix(sum, (u8)letters[i]);
        return sum;
    }
};

// An ordered map: a search tree whose shape depends on random priorities.
template <typename K, typename V> class Map {
    struct Node {
        K key;
        V value;
        u32 priority;
        Owner<Node> left, right;
        Node(K key, u32 priority) : key(move(key)), value(), priority(priority) {}
    };
    Owner<Node> root;
    u64 seed = 37;
    u32 count = 0;

    V &at(Owner<Node> &node, const K &key) {
        if (!node) {
            count++;
            node = make<Node>(K(key), (u32)random_next(&seed));
            return node->value;
        }
        if (key < node->key) {
            V &value = at(node->left, key);
            if (node->left->priority > node->priority) {
                Owner<Node> top = move(node->left);
                node->left = move(top->right);
                top->right = move(node);
                node = move(top);
            }
            return value;
        }
        if (node->key < key) {
            V &value = at(node->right, key);
            if (node->right->priority > node->priority) {
                Owner<Node> top = move(node->right);
                node->right = move(top->left);
                top->left = move(node);
                node = move(top);
            }
            return value;
        }
        return node->value;
    }

    template <typename F> static void visit(const Owner<Node> &node, F &&each) {
        if (!node) return;
        visit(node->left, each);
        each(node->key, node->value);
        visit(node->right, each);
    }

public:
    V &operator[](const K &key) { return at(root, key); }
    u32 size() const { return count; }
    template <typename F> void each(F &&each) const { visit(root, each); }
};

template <typename T, typename Less> void sort(Vector<T> &items, Less less) {
    // Heap sort: no recursion, many moves.
    auto sink = [&](u32 hole, u32 end) {
        T item = move(items[hole]);
        for (u32 child; (child = 2 * hole + 1) < end; hole = child) {
            if (child + 1 < end && less(items[child], items[child + 1])) child++;
            if (!less(item, items[child])) break;
            items[hole] = move(items[child]);
        }
        items[hole] = move(item);
    };
    for (u32 i = items.size() / 2; i > 0;) sink(--i, items.size());
    for (u32 end = items.size(); end > 1;) {
        T last = move(items[--end]);
        items[end] = move(items[0]);
        items[0] = move(last);
        sink(0, end);
    }
}

struct Order {
    u32 customer, amount;
    Text article;
    Order(u32 customer, u32 amount, Text article)
        : customer(customer), amount(amount), article(move(article)) {}
};

extern "C" EXPORT("run") i64 run(i32 n) {
    static const char *const kinds[] = {"tea", "black tea", "coffee", "a box of biscuits", "cake"};
    static const char *const origins[] = {" from Assam", "", " (large)", " from the island of Java"};
    heap_reset();
    u64 seed = 41, sum = 0;
    Vector<Vector<Order>> shops;
    for (int i = 0; i < 16; i++) shops.push(Vector<Order>());
    for (i32 i = 0; i < n; i++) {
        u32 kind = random_below(&seed, 5), origin = random_below(&seed, 4), shop = random_below(&seed, 16);
        u32 customer = random_below(&seed, (u32)n / 4 + 1), amount = 1 + random_below(&seed, 500);
        shops[shop].push(Order(customer, amount, Text(kinds[kind]) + origins[origin]));
    }
    Map<Text, u64> turnover;
    Map<u32, u32> customers;
    for (Vector<Order> &shop : shops) {
        sort(shop, [](const Order &a, const Order &b) {
            return a.amount != b.amount ? a.amount < b.amount : a.customer < b.customer;
        });
        for (u32 i = 0; i < shop.size(); i++) {
            sum = mix(sum, (u64)shop[i].amount << 32 | shop[i].customer);
            turnover[shop[i].article] += shop[i].amount;
            customers[shop[i].customer]++;
        }
    }
    turnover.each([&](const Text &article, u64 amount) { sum = mix(sum, article.hash() + amount); });
    customers.each([&](u32 customer, u32 orders) { sum = mix(sum, (u64)customer << 16 | orders); });
    while (shops.size() > 4) sum = mix(sum, shops.pop().size());
    return (i64)(sum + turnover.size() + customers.size());
}
