;; Pointer chasing: each load's address is what the load before it found. Each export makes $n
;; passes of 16,384 hops (64 KiB of pointers).
(module
  (memory 4)

  ;; At 0: a ring in ascending order. At 0x10000: a ring in a scattered order. At 0x20000: 4,096
  ;; nodes {left, right, key, -} of a search tree; its root is the last.
  (func $prepare (local $i i32)
    (loop $next
      (i32.store
        (i32.shl (local.get $i) (i32.const 2))
        (i32.shl (i32.and (i32.add (local.get $i) (i32.const 1)) (i32.const 0x3fff)) (i32.const 2)))
      ;; i -> 0x2545 i + 0x1b3 modulo 2^14 visits everything before it comes back.
      (i32.store offset=0x10000
        (i32.shl (local.get $i) (i32.const 2))
        (i32.add (i32.const 0x10000)
          (i32.shl
            (i32.and
              (i32.add (i32.mul (local.get $i) (i32.const 0x2545)) (i32.const 0x1b3))
              (i32.const 0x3fff))
            (i32.const 2))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 0x4000))))
    (i32.store (i32.const 0x1fffc) (i32.const 0x10000))
    (drop (call $tree (i32.const 0) (i32.const 4096))))
  (start $prepare)

  (global $free (mut i32) (i32.const 0x20000))

  ;; A balanced tree of the keys from $low up to but not including $high.
  (func $tree (param $low i32) (param $high i32) (result i32)
    (local $middle i32) (local $node i32) (local $left i32) (local $right i32)
    (if (i32.ge_u (local.get $low) (local.get $high)) (then (return (i32.const 0))))
    (local.set $middle
      (i32.shr_u (i32.add (local.get $low) (local.get $high)) (i32.const 1)))
    (local.set $left (call $tree (local.get $low) (local.get $middle)))
    (local.set $right
      (call $tree (i32.add (local.get $middle) (i32.const 1)) (local.get $high)))
    (local.set $node (global.get $free))
    (global.set $free (i32.add (local.get $node) (i32.const 16)))
    (i32.store offset=0 (local.get $node) (local.get $left))
    (i32.store offset=4 (local.get $node) (local.get $right))
    (i32.store offset=8 (local.get $node) (local.get $middle))
    (local.get $node))

  (func $chase (param $n i32) (param $at i32) (result i32)
    (local $hops i32)
    (loop $pass
      (local.set $hops (i32.const 0x4000))
      (loop $next
        (local.set $at (i32.load (local.get $at)))
        (local.set $hops (i32.sub (local.get $hops) (i32.const 1)))
        (br_if $next (local.get $hops)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (local.get $at))

  (func (export "ascending") (param $n i32) (result i64)
    (i64.extend_i32_u (call $chase (local.get $n) (i32.const 0))))

  (func (export "scattered") (param $n i32) (result i64)
    (i64.extend_i32_u (call $chase (local.get $n) (i32.const 0x10000))))

  ;; Searches for pseudorandom keys; a search takes about 11 hops.
  (func (export "tree_search") (param $n i32) (result i64)
    (local $searches i32) (local $key i32) (local $at i32) (local $found i32) (local $here i32)
    (loop $pass
      (local.set $searches (i32.const 1490))
      (loop $next
        (local.set $key
          (i32.and (i32.add (i32.mul (local.get $key) (i32.const 0x2545)) (i32.const 0x1b3))
            (i32.const 0xfff)))
        (local.set $at (i32.sub (global.get $free) (i32.const 16)))
        (block $done
          (loop $down
            (local.set $here (i32.load offset=8 (local.get $at)))
            (if (i32.eq (local.get $here) (local.get $key))
              (then
                (local.set $found (i32.add (local.get $found) (local.get $at)))
                (br $done)))
            (local.set $at
              (i32.load
                (i32.add (local.get $at)
                  (i32.shl (i32.lt_u (local.get $here) (local.get $key)) (i32.const 2)))))
            (br_if $down (local.get $at))))
        (local.set $searches (i32.sub (local.get $searches) (i32.const 1)))
        (br_if $next (local.get $searches)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.extend_i32_u (local.get $found)))
)
