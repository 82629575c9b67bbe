/* Moves five bodies under gravity for n steps: f64 arithmetic with square roots and divisions
 * over an array of structs. */
#include "rt.h"

typedef struct {
    f64 x[3], v[3], mass;
} Body;

#define PI 3.141592653589793
#define SOLAR_MASS (4 * PI * PI)
#define DAYS 365.24
#define BODIES 5

/* The Sun and the four gas giants; units are astronomical units, days and solar masses. */
static const Body start[BODIES] = {
    {{0, 0, 0}, {0, 0, 0}, 1.0},
    {{4.84143144246472090, -1.16032004402742839, -0.103622044471123109},
     {0.00166007664274403694, 0.00769901118419740425, -0.0000690460016972063023},
     0.000954791938424326609},
    {{8.34336671824457987, 4.12479856412430479, -0.403523417114321381},
     {-0.00276742510726411107, 0.00499852801234917238, 0.0000230417297573763929},
     0.000285885980666130812},
    {{12.8943695621391310, -15.1111514016986312, -0.223307578892655734},
     {0.00296460137564761618, 0.00237847173959480950, -0.0000296589568540237556},
     0.0000436624404335156298},
    {{15.3796971148509165, -25.9193146099879641, 0.179258772950371181},
     {0.00268067772490389322, 0.00162824170038242295, -0.0000951592254519715870},
     0.0000515138902046611451},
};

static Body bodies[BODIES];

static void prepare(void) {
    f64 momentum[3] = {0, 0, 0};
    for (int i = 0; i < BODIES; i++) {
        bodies[i] = start[i];
        bodies[i].mass *= SOLAR_MASS;
        for (int k = 0; k < 3; k++) {
            bodies[i].v[k] *= DAYS;
            momentum[k] += bodies[i].v[k] * bodies[i].mass;
        }
    }
    for (int k = 0; k < 3; k++) bodies[0].v[k] = -momentum[k] / SOLAR_MASS;
}

static void step(f64 dt) {
    for (int i = 0; i < BODIES; i++) {
        Body *a = &bodies[i];
        for (int j = i + 1; j < BODIES; j++) {
            Body *b = &bodies[j];
            f64 dx = a->x[0] - b->x[0], dy = a->x[1] - b->x[1], dz = a->x[2] - b->x[2];
            f64 squared = dx * dx + dy * dy + dz * dz;
            f64 pull = dt / (squared * __builtin_sqrt(squared));
            f64 pull_a = pull * b->mass, pull_b = pull * a->mass;
            a->v[0] -= dx * pull_a;
            a->v[1] -= dy * pull_a;
            a->v[2] -= dz * pull_a;
            b->v[0] += dx * pull_b;
            b->v[1] += dy * pull_b;
            b->v[2] += dz * pull_b;
        }
    }
    for (int i = 0; i < BODIES; i++) {
        for (int k = 0; k < 3; k++) bodies[i].x[k] += dt * bodies[i].v[k];
    }
}

static f64 energy(void) {
    f64 e = 0;
    for (int i = 0; i < BODIES; i++) {
        const Body *a = &bodies[i];
        e += 0.5 * a->mass * (a->v[0] * a->v[0] + a->v[1] * a->v[1] + a->v[2] * a->v[2]);
        for (int j = i + 1; j < BODIES; j++) {
            const Body *b = &bodies[j];
            f64 dx = a->x[0] - b->x[0], dy = a->x[1] - b->x[1], dz = a->x[2] - b->x[2];
            e -= a->mass * b->mass / __builtin_sqrt(dx * dx + dy * dy + dz * dz);
        }
    }
    return e;
}

EXPORT("run") i64 run(i32 n) {
    prepare();
    f64 before = energy();
    for (i32 i = 0; i < n; i++) step(0.01);
    return (i64)(energy() * 1e15) * 7 + (i64)(before * 1e9);
}
