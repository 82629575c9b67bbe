/* Renders n by n pixels of three spheres over a floor by stepping along each ray: f32 arithmetic
 * with square roots, minima and branches. */
#include "rt.h"

typedef struct {
    f32 x, y, z;
} Vec;

static inline Vec vec(f32 x, f32 y, f32 z) { return (Vec){x, y, z}; }
static inline Vec add(Vec a, Vec b) { return vec(a.x + b.x, a.y + b.y, a.z + b.z); }
static inline Vec sub(Vec a, Vec b) { return vec(a.x - b.x, a.y - b.y, a.z - b.z); }
static inline Vec scale(Vec a, f32 k) { return vec(a.x * k, a.y * k, a.z * k); }
static inline f32 dot(Vec a, Vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static inline f32 length(Vec a) { return __builtin_sqrtf(dot(a, a)); }
static inline Vec unit(Vec a) { return scale(a, 1.0f / length(a)); }

static const struct {
    Vec at;
    f32 radius;
} spheres[] = {
    {{0.0f, 0.9f, 4.0f}, 1.0f},
    {{-1.7f, 0.4f, 3.2f}, 0.5f},
    {{1.4f, 0.3f, 2.6f}, 0.4f},
};

static NOINLINE f32 distance(Vec p) {
    f32 nearest = p.y + 0.2f;
    for (usize i = 0; i < COUNT_OF(spheres); i++) {
        f32 d = length(sub(p, spheres[i].at)) - spheres[i].radius;
        if (d < nearest) nearest = d;
    }
    return nearest;
}

/* The distance travelled, or a negative number when nothing was hit. */
static f32 march(Vec from, Vec toward, f32 most) {
    f32 travelled = 0.02f;
    for (int i = 0; i < 64 && travelled < most; i++) {
        f32 d = distance(add(from, scale(toward, travelled)));
        if (d < 0.001f) return travelled;
        travelled += d;
    }
    return -1.0f;
}

static f32 shade(Vec p) {
    const f32 e = 0.001f;
    f32 here = distance(p);
    Vec normal = unit(vec(distance(add(p, vec(e, 0, 0))) - here,
                          distance(add(p, vec(0, e, 0))) - here,
                          distance(add(p, vec(0, 0, e))) - here));
    Vec to_light = unit(sub(vec(-3.0f, 5.0f, -2.0f), p));
    f32 bright = dot(normal, to_light);
    if (bright < 0.0f) bright = 0.0f;
    if (march(p, to_light, 8.0f) > 0.0f) bright *= 0.3f;
    return 0.1f + 0.9f * bright;
}

EXPORT("run") i64 run(i32 n) {
    u64 sum = 0;
    Vec eye = vec(0.0f, 0.8f, -2.0f);
    for (i32 py = 0; py < n; py++) {
        for (i32 px = 0; px < n; px++) {
            f32 x = (f32)(2 * px - n) / (f32)n, y = (f32)(n - 2 * py) / (f32)n;
            Vec ray = unit(vec(x, y, 1.5f));
            f32 hit = march(eye, ray, 20.0f);
            f32 colour = hit > 0.0f ? shade(add(eye, scale(ray, hit))) : 0.05f;
            sum = sum * 33 + (u32)(colour * 255.0f);
        }
    }
    return (i64)sum;
}
