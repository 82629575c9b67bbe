;; Counts the primes below a number with the sieve of Eratosthenes: one byte of memory for each
;; candidate, 1 once it is known to be composite. The number must be less than 2^31.
;;
;;     cargo run --release -- run examples/sieve.wat 1000000
;;     cargo run --release -- dump examples/sieve.wat --invoke primes --range 0..64 64
(module $sieve
  (memory (export "memory") 1)

  (func $primes (export "primes") (param $limit i32) (result i32)
    (local $count i32) (local $n i32) (local $multiple i32)
    (if (i32.lt_s (local.get $limit) (i32.const 0))
      (then unreachable)) ;; so that no sum below overflows
    (call $make_room (local.get $limit))
    (local.set $n (i32.const 2))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $n) (local.get $limit)))
        (if (i32.eqz (i32.load8_u (local.get $n)))
          (then
            (local.set $count (i32.add (local.get $count) (i32.const 1)))
            (local.set $multiple (i32.mul (local.get $n) (i32.const 2)))
            (block $crossed_out
              (loop $cross_out
                (br_if $crossed_out (i32.ge_u (local.get $multiple) (local.get $limit)))
                (i32.store8 (local.get $multiple) (i32.const 1))
                (local.set $multiple (i32.add (local.get $multiple) (local.get $n)))
                (br $cross_out)))))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $next)))
    (local.get $count))

  ;; Grows the memory to hold some number of bytes, and sets them to zero.
  (func $make_room (param $bytes i32)
    (local $pages i32)
    (local.set $pages ;; rounded up
      (i32.shr_u (i32.add (local.get $bytes) (i32.const 65535)) (i32.const 16)))
    (if (i32.gt_u (local.get $pages) (memory.size))
      (then
        (if (i32.eq (memory.grow (i32.sub (local.get $pages) (memory.size))) (i32.const -1))
          (then unreachable))))
    (memory.fill (i32.const 0) (i32.const 0) (local.get $bytes))))
