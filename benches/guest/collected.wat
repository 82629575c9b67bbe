;; Objects that a collector frees. Each export makes $n passes of 1,024 operations.
(module
  (type $point (struct (field $x (mut i32)) (field $y (mut i32))))
  (type $list (struct (field $value (mut i32)) (field $next (mut (ref null $list)))))
  (type $tree (struct (field $left (ref null $tree)) (field $right (ref null $tree))))
  (type $fields
    (struct (field $byte (mut i8)) (field $short (mut i16)) (field $long (mut i64))
      (field $float (mut f64)) (field $link (mut anyref))))
  (type $ints (array (mut i32)))
  (type $bytes (array (mut i8)))
  (type $refs (array (mut (ref null eq))))
  ;; Classes and their subclasses.
  (type $shape (sub (struct (field $area (mut i32)))))
  (type $circle (sub $shape (struct (field $area (mut i32)) (field $radius i32))))
  (type $disc (sub final $circle (struct (field $area (mut i32)) (field $radius i32) (field i64))))
  (type $square (sub final $shape (struct (field $area (mut i32)) (field $side i32))))

  (global $numbers (ref $ints) (array.new $ints (i32.const 5) (i32.const 1024)))
  (global $others (ref $ints) (array.new $ints (i32.const 7) (i32.const 1024)))
  (global $text (ref $bytes) (array.new $bytes (i32.const 0x61) (i32.const 1024)))
  (global $things (ref $refs) (array.new $refs (ref.null eq) (i32.const 1024)))
  (global $long (mut (ref null $list)) (ref.null $list))

  (func $prepare (local $i i32)
    (loop $next
      (array.set $refs (global.get $things) (local.get $i)
        (if (result (ref eq)) (i32.and (local.get $i) (i32.const 2))
          (then
            (if (result (ref eq)) (i32.and (local.get $i) (i32.const 1))
              (then (struct.new $circle (i32.const 1) (local.get $i)))
              (else (struct.new $disc (i32.const 2) (local.get $i) (i64.const 3)))))
          (else
            (if (result (ref eq)) (i32.and (local.get $i) (i32.const 1))
              (then (struct.new $square (i32.const 4) (local.get $i)))
              (else (ref.i31 (local.get $i)))))))
      (global.set $long (struct.new $list (local.get $i) (global.get $long)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 1024)))))
  (start $prepare)

  ;; Structs that are garbage at once.
  (func (export "struct_new") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (local $p (ref null $point))
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $p (struct.new $point (local.get $i) (local.get $n)))
        (local.set $sum (i32.add (local.get $sum) (struct.get $point $x (local.get $p))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  (func (export "struct_get") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (local $p (ref $point))
    (local.set $p (struct.new $point (i32.const 3) (i32.const 4)))
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum
          (i32.add
            (i32.xor (local.get $sum) (local.get $i))
            (struct.get $point $y (local.get $p))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; A field that grows: reads and writes it.
  (func (export "struct_set") (param $n i32) (result i64) (local $i i32) (local $p (ref $point))
    (local.set $p (struct.new $point (i32.const 3) (i32.const 4)))
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (struct.set $point $x (local.get $p)
          (i32.add (struct.get $point $x (local.get $p)) (local.get $i)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (struct.get $point $x (local.get $p))))

  ;; Fields of five types, of which each is read and written.
  (func (export "struct_fields") (param $n i32) (result i64) (local $i i32) (local $s (ref $fields))
    (local.set $s (struct.new_default $fields))
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (struct.set $fields $byte (local.get $s)
          (i32.add (struct.get_s $fields $byte (local.get $s)) (i32.const 3)))
        (struct.set $fields $short (local.get $s)
          (i32.xor (struct.get_u $fields $short (local.get $s)) (local.get $i)))
        (struct.set $fields $long (local.get $s)
          (i64.add
            (struct.get $fields $long (local.get $s))
            (i64.extend_i32_s (struct.get_s $fields $byte (local.get $s)))))
        (struct.set $fields $float (local.get $s)
          (f64.add (struct.get $fields $float (local.get $s)) (f64.const 0.5)))
        (struct.set $fields $link (local.get $s) (struct.get $fields $link (local.get $s)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.add
      (struct.get $fields $long (local.get $s))
      (i64.trunc_sat_f64_s (struct.get $fields $float (local.get $s)))))

  ;; Builds a list of 1,024 nodes, then drops it.
  (func (export "list_new") (param $n i32) (result i64) (local $i i32) (local $l (ref null $list))
    (loop $pass
      (local.set $i (i32.const 1024))
      (local.set $l (ref.null $list))
      (loop $next
        (local.set $l (struct.new $list (local.get $i) (local.get $l)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (struct.get $list $value (local.get $l))))

  (func (export "list_walk") (param $n i32) (result i64) (local $l (ref null $list)) (local $sum i32)
    (loop $pass
      (local.set $l (global.get $long))
      (loop $next
        (local.set $sum (i32.add (local.get $sum) (struct.get $list $value (local.get $l))))
        (local.set $l (struct.get $list $next (local.get $l)))
        (br_if $next (i32.eqz (ref.is_null (local.get $l)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; Turns the list around in place.
  (func (export "list_reverse") (param $n i32) (result i64)
    (local $l (ref null $list)) (local $before (ref null $list)) (local $after (ref null $list))
    (loop $pass
      (local.set $l (global.get $long))
      (local.set $before (ref.null $list))
      (loop $next
        (local.set $after (struct.get $list $next (local.get $l)))
        (struct.set $list $next (local.get $l) (local.get $before))
        (local.set $before (local.get $l))
        (br_if $next (i32.eqz (ref.is_null (local.tee $l (local.get $after))))))
      (global.set $long (local.get $before))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (struct.get $list $value (global.get $long))))

  ;; Builds a tree of 1,023 nodes, and counts them.
  (func $grow (param $depth i32) (result (ref $tree))
    (if (result (ref $tree)) (local.get $depth)
      (then
        (struct.new $tree
          (call $grow (i32.sub (local.get $depth) (i32.const 1)))
          (call $grow (i32.sub (local.get $depth) (i32.const 1)))))
      (else (struct.new_default $tree))))

  (func $size (param $t (ref null $tree)) (result i32)
    (if (ref.is_null (local.get $t)) (then (return (i32.const 0))))
    (i32.add (i32.const 1)
      (i32.add
        (call $size (struct.get $tree $left (local.get $t)))
        (call $size (struct.get $tree $right (local.get $t))))))

  (func (export "tree") (param $n i32) (result i64) (local $sum i32)
    (loop $pass
      (local.set $sum (i32.add (local.get $sum) (call $size (call $grow (i32.const 9)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; Arrays of 16 numbers that are garbage at once.
  (func (export "array_new") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum
          (i32.add (local.get $sum)
            (array.get $ints (array.new $ints (local.get $i) (i32.const 16)) (i32.const 9))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; The length is asked each time, as compilers of such languages do.
  (func (export "array_get") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (local $a (ref $ints))
    (local.set $a (global.get $numbers))
    (loop $pass
      (local.set $i (i32.const 0))
      (loop $next
        (local.set $sum (i32.add (local.get $sum) (array.get $ints (local.get $a) (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (array.len (local.get $a)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  (func (export "array_set") (param $n i32) (result i64) (local $i i32) (local $a (ref $ints))
    (local.set $a (global.get $others))
    (loop $pass
      (local.set $i (i32.const 0))
      (loop $next
        (array.set $ints (local.get $a) (local.get $i) (i32.mul (local.get $i) (local.get $n)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (array.len (local.get $a)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (array.get $ints (local.get $a) (i32.const 1000))))

  (func (export "array_bytes") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (local $a (ref $bytes))
    (local.set $a (global.get $text))
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $i (i32.sub (local.get $i) (i32.const 1)))
        (local.set $sum
          (i32.xor
            (i32.mul (local.get $sum) (i32.const 31))
            (array.get_u $bytes (local.get $a) (local.get $i))))
        (br_if $next (local.get $i)))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; All at once: an operation is an element.
  (func (export "array_copy") (param $n i32) (result i64)
    (loop $pass
      (array.copy $ints $ints
        (global.get $others) (i32.const 0) (global.get $numbers) (i32.const 0) (i32.const 1024))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (array.get $ints (global.get $others) (i32.const 1000))))

  ;; Numbers in references.
  (func (export "i31") (param $n i32) (result i64) (local $i i32) (local $sum i32) (local $x i31ref)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $x (ref.i31 (i32.add (local.get $sum) (local.get $i))))
        (local.set $sum (i32.add (i31.get_s (local.get $x)) (i31.get_u (local.get $x))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; Things of four types: how many are circles or discs?
  (func (export "test") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $i (i32.sub (local.get $i) (i32.const 1)))
        (local.set $sum
          (i32.add (local.get $sum)
            (ref.test (ref $circle) (array.get $refs (global.get $things) (local.get $i)))))
        (br_if $next (local.get $i)))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; A cast that always succeeds, to a type that is final.
  (func (export "cast") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (local $thing (ref null eq))
    (local.set $thing (array.get $refs (global.get $things) (i32.const 5)))
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum
          (i32.add (local.get $sum)
            (struct.get $square $area (ref.cast (ref $square) (local.get $thing)))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; What is done depends on the type: a chain of `br_on_cast`.
  (func $weight (param $thing (ref null eq)) (result i32)
    (block $number (result (ref i31))
      (block $round (result (ref $circle))
        (block $square (result (ref $square))
          (drop
            (br_on_cast $number (ref null eq) (ref i31)
              (br_on_cast $round (ref null eq) (ref $circle)
                (br_on_cast $square (ref null eq) (ref $square) (local.get $thing)))))
          (return (i32.const 0)))
        (return (struct.get $square $side)))
      (return (struct.get $circle $radius)))
    (i31.get_u))

  (func (export "br_on_cast") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $i (i32.sub (local.get $i) (i32.const 1)))
        (local.set $sum
          (i32.add (local.get $sum)
            (call $weight (array.get $refs (global.get $things) (local.get $i)))))
        (br_if $next (local.get $i)))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  (func (export "ref_eq") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (local $thing (ref null eq))
    (local.set $thing (array.get $refs (global.get $things) (i32.const 5)))
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $i (i32.sub (local.get $i) (i32.const 1)))
        (local.set $sum
          (i32.add (local.get $sum)
            (ref.eq (local.get $thing) (array.get $refs (global.get $things) (local.get $i)))))
        (br_if $next (local.get $i)))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum))))
