;; An array of 2,048 structs of 32 bytes: {i32 id, i16 kind, u8 flag, u8 level, f64 x, f32 dx,
;; i32 next, i64 total}. Each export makes $n passes over the array (64 KiB).
(module
  (memory 1)

  (func $prepare (local $i i32) (local $s i32)
    (loop $next
      (local.set $s (i32.shl (local.get $i) (i32.const 5)))
      (i32.store offset=0 (local.get $s) (local.get $i))
      (i32.store16 offset=4 (local.get $s) (i32.rem_u (local.get $i) (i32.const 7)))
      (i32.store8 offset=6 (local.get $s) (i32.and (local.get $i) (i32.const 1)))
      (i32.store8 offset=7 (local.get $s) (i32.const 200))
      (f64.store offset=8 (local.get $s) (f64.convert_i32_u (local.get $i)))
      (f32.store offset=16 (local.get $s) (f32.const 0.125))
      (i32.store offset=20 (local.get $s)
        (i32.and (i32.add (local.get $s) (i32.const 0x6a0)) (i32.const 0xffe0)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 2048)))))
  (start $prepare)

  ;; Reads every field.
  (func (export "read") (param $n i32) (result i64)
    (local $s i32) (local $sum i64)
    (loop $pass
      (local.set $s (i32.const 0))
      (loop $next
        (local.set $sum (i64.add (local.get $sum) (i64.load offset=24 (local.get $s))))
        (local.set $sum (i64.add (local.get $sum)
          (i64.extend_i32_u
            (i32.add
              (i32.add (i32.load offset=0 (local.get $s)) (i32.load16_s offset=4 (local.get $s)))
              (i32.add
                (i32.load8_u offset=6 (local.get $s)) (i32.load8_u offset=7 (local.get $s)))))))
        (local.set $sum (i64.add (local.get $sum)
          (i64.trunc_sat_f64_s
            (f64.add
              (f64.load offset=8 (local.get $s))
              (f64.promote_f32 (f32.load offset=16 (local.get $s)))))))
        (local.set $s (i32.add (local.get $s) (i32.const 32)))
        (br_if $next (i32.lt_u (local.get $s) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (local.get $sum))

  ;; Moves each struct and counts up its total, in part depending on its fields.
  (func (export "update") (param $n i32) (result i64)
    (local $s i32)
    (loop $pass
      (local.set $s (i32.const 0))
      (loop $next
        (f64.store offset=8 (local.get $s)
          (f64.add
            (f64.load offset=8 (local.get $s))
            (f64.promote_f32 (f32.load offset=16 (local.get $s)))))
        (if (i32.load8_u offset=6 (local.get $s))
          (then
            (i64.store offset=24 (local.get $s)
              (i64.add
                (i64.load offset=24 (local.get $s))
                (i64.extend_i32_s (i32.load16_s offset=4 (local.get $s)))))))
        (local.set $s (i32.add (local.get $s) (i32.const 32)))
        (br_if $next (i32.lt_u (local.get $s) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.add (i64.load offset=24 (i32.const 32)) (i64.trunc_sat_f64_s (f64.load (i32.const 8)))))

  ;; Copies each struct field by field over the next.
  (func (export "assign") (param $n i32) (result i64)
    (local $s i32) (local $to i32)
    (loop $pass
      (local.set $s (i32.const 0))
      (loop $next
        (local.set $to (i32.load offset=20 (local.get $s)))
        (i32.store offset=0 (local.get $to) (i32.load offset=0 (local.get $s)))
        (i32.store16 offset=4 (local.get $to) (i32.load16_u offset=4 (local.get $s)))
        (i32.store8 offset=6 (local.get $to) (i32.load8_u offset=6 (local.get $s)))
        (i32.store8 offset=7 (local.get $to) (i32.load8_u offset=7 (local.get $s)))
        (f64.store offset=8 (local.get $to) (f64.load offset=8 (local.get $s)))
        (f32.store offset=16 (local.get $to) (f32.load offset=16 (local.get $s)))
        (i64.store offset=24 (local.get $to) (i64.load offset=24 (local.get $s)))
        (local.set $s (i32.add (local.get $s) (i32.const 32)))
        (br_if $next (i32.lt_u (local.get $s) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load32_u (i32.const 0x6a0)))
)
