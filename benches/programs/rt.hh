// What C++ programs need beside rt.h: objects on its heap, and templates in place of a library.
#ifndef RT_HH
#define RT_HH

extern "C" {
#include "rt.h"
}

void *operator new(usize len) { return heap_alloc(len); }
void operator delete(void *block) noexcept { heap_free(block); }
void operator delete(void *block, usize) noexcept { heap_free(block); }
// What a function that is only declared in a base class is until there is an object.
extern "C" void __cxa_pure_virtual() { __builtin_trap(); }

inline void *operator new(usize, void *place) noexcept { return place; }

template <typename T> struct Plain { using Type = T; };
template <typename T> struct Plain<T &> { using Type = T; };
template <typename T> typename Plain<T>::Type &&move(T &&from) {
    return static_cast<typename Plain<T>::Type &&>(from);
}

// A pointer to an object that goes with it.
template <typename T> class Owner {
    T *object = nullptr;
    template <typename U> friend class Owner;

public:
    Owner() {}
    explicit Owner(T *object) : object(object) {}
    template <typename U> Owner(Owner<U> &&from) : object(from.object) { from.object = nullptr; }
    Owner(Owner &&from) : object(from.object) { from.object = nullptr; }
    Owner &operator=(Owner &&from) {
        T *old = object;
        object = from.object;
        from.object = nullptr;
        delete old;
        return *this;
    }
    ~Owner() { delete object; }
    T *operator->() const { return object; }
    T &operator*() const { return *object; }
    explicit operator bool() const { return object != nullptr; }
};

template <typename T, typename... Args> Owner<T> make(Args... args) {
    return Owner<T>(new T(move(args)...));
}

// An array that grows.
template <typename T> class Vector {
    T *items = nullptr;
    u32 count = 0, room = 0;

    void reserve(u32 more) {
        T *wider = static_cast<T *>(heap_alloc(more * sizeof(T)));
        for (u32 i = 0; i < count; i++) {
            new (wider + i) T(move(items[i]));
            items[i].~T();
        }
        heap_free(items);
        items = wider;
        room = more;
    }

public:
    Vector() {}
    Vector(Vector &&from) : items(from.items), count(from.count), room(from.room) {
        from.items = nullptr;
        from.count = from.room = 0;
    }
    Vector &operator=(Vector &&from) {
        swap(from);
        return *this;
    }
    ~Vector() {
        clear();
        heap_free(items);
    }
    void swap(Vector &other) {
        T *its = other.items;
        u32 its_count = other.count, its_room = other.room;
        other.items = items, other.count = count, other.room = room;
        items = its, count = its_count, room = its_room;
    }
    void push(T item) {
        if (count == room) reserve(room ? room * 2 : 4);
        new (items + count++) T(move(item));
    }
    T pop() {
        T last = move(items[--count]);
        items[count].~T();
        return last;
    }
    void clear() {
        while (count > 0) items[--count].~T();
    }
    u32 size() const { return count; }
    T &operator[](u32 i) { return items[i]; }
    const T &operator[](u32 i) const { return items[i]; }
    T *begin() { return items; }
    T *end() { return items + count; }
    const T *begin() const { return items; }
    const T *end() const { return items + count; }
};

#endif
