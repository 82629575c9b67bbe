// Builds expression trees of n operations in C++, differentiates, simplifies and evaluates them:
// virtual calls, owning pointers, small objects.
#include "rt.hh"

class Expression;
using Owned = Owner<Expression>;

class Expression {
public:
    virtual ~Expression() {}
    virtual f64 value(f64 x) const = 0;
    virtual Owned derivative() const = 0;
    virtual Owned copy() const = 0;
    // Without what does nothing: sums with 0, products with 0 and 1.
    virtual Owned simplified() const { return copy(); }
    virtual bool is(f64) const { return false; }
    virtual u32 size() const { return 1; }
};

class Constant final : public Expression {
    f64 number;

public:
    explicit Constant(f64 number) : number(number) {}
    f64 value(f64) const override { return number; }
    Owned derivative() const override { return make<Constant>(0.0); }
    Owned copy() const override { return make<Constant>(number); }
    bool is(f64 other) const override { return number == other; }
};

class Variable final : public Expression {
public:
    f64 value(f64 x) const override { return x; }
    Owned derivative() const override { return make<Constant>(1.0); }
    Owned copy() const override { return make<Variable>(); }
};

class Binary : public Expression {
protected:
    Owned left, right;

public:
    Binary(Owned left, Owned right) : left(move(left)), right(move(right)) {}
    u32 size() const override { return 1 + left->size() + right->size(); }
};

class Sum final : public Binary {
public:
    using Binary::Binary;
    f64 value(f64 x) const override { return left->value(x) + right->value(x); }
    Owned derivative() const override { return make<Sum>(left->derivative(), right->derivative()); }
    Owned copy() const override { return make<Sum>(left->copy(), right->copy()); }
    Owned simplified() const override {
        Owned a = left->simplified(), b = right->simplified();
        if (a->is(0)) return b;
        if (b->is(0)) return a;
        return make<Sum>(move(a), move(b));
    }
};

class Product final : public Binary {
public:
    using Binary::Binary;
    f64 value(f64 x) const override { return left->value(x) * right->value(x); }
    Owned derivative() const override {
        return make<Sum>(make<Product>(left->derivative(), right->copy()),
                         make<Product>(left->copy(), right->derivative()));
    }
    Owned copy() const override { return make<Product>(left->copy(), right->copy()); }
    Owned simplified() const override {
        Owned a = left->simplified(), b = right->simplified();
        if (a->is(0) || b->is(1)) return a;
        if (b->is(0) || a->is(1)) return b;
        return make<Product>(move(a), move(b));
    }
};

class Negation final : public Expression {
    Owned inner;

public:
    explicit Negation(Owned inner) : inner(move(inner)) {}
    f64 value(f64 x) const override { return -inner->value(x); }
    Owned derivative() const override { return make<Negation>(inner->derivative()); }
    Owned copy() const override { return make<Negation>(inner->copy()); }
    Owned simplified() const override {
        Owned a = inner->simplified();
        if (a->is(0)) return a;
        return make<Negation>(move(a));
    }
    u32 size() const override { return 1 + inner->size(); }
};

static Owned random_expression(u64 &seed, u32 depth) {
    if (depth == 0 || random_below(&seed, 8) == 0) {
        if (random_below(&seed, 2)) return make<Variable>();
        return make<Constant>((f64)random_below(&seed, 9) / 4 - 1);
    }
    switch (random_below(&seed, 5)) {
    case 0:
    case 1: {
        Owned left = random_expression(seed, depth - 1);
        return make<Sum>(move(left), random_expression(seed, depth - 1));
    }
    case 2:
    case 3: {
        Owned left = random_expression(seed, depth - 1);
        return make<Product>(move(left), random_expression(seed, depth - 1));
    }
    default: return make<Negation>(random_expression(seed, depth - 1));
    }
}

extern "C" EXPORT("run") i64 run(i32 n) {
    heap_reset();
    u64 seed = 31, sum = 0;
    for (i32 i = 0; i < n; i++) {
        Owned expression = random_expression(seed, 7);
        Owned derivative = expression->derivative();
        Owned simple = derivative->simplified();
        f64 total = 0;
        for (f64 x = -1; x <= 1; x += 0.25) total += expression->value(x) + simple->value(x);
        sum = mix(sum, (u64)derivative->size() << 32 | simple->size());
        if (total > -1e12 && total < 1e12) sum = mix(sum, (u64)(i64)(total * 4096));
    }
    return (i64)sum;
}
