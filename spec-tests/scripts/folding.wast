;; Values that instructions find where earlier instructions left them: results that wait for
;; their reader, constants, and instructions that take the place of those before them.

;; A constant is assigned while the result of another instruction waits.
(module
  (func (export "i32") (param i32 i32) (result i32)
    (i32.sub
      (i32.mul (local.get 0) (local.get 0))
      (i32.mul
        (local.tee 1 (i32.const 3))
        (i32.mul (local.get 0) (local.get 0)))))
  (func (export "f64") (param f32 f64) (result f64) (local f32)
    (f64.add
      (f64.promote_f32 (local.tee 0 (f32.const 2)))
      (f64.add
        (local.tee 1 (f64.const 3))
        (f64.promote_f32 (local.tee 2 (f32.const 5)))))))

(assert_return (invoke "i32" (i32.const 2) (i32.const 0)) (i32.const -8))
(assert_return (invoke "f64" (f32.const 7) (f64.const 7)) (f64.const 10))

;; Conditions that compare constants. What an earlier call left on the stack must not matter.
(module
  (func (export "leave") (param i64)
    (local i64 i64 i64 i64 i64 i64 i64 i64)
    (local.set 1 (local.get 0)) (local.set 2 (local.get 0)) (local.set 3 (local.get 0))
    (local.set 4 (local.get 0)) (local.set 5 (local.get 0)) (local.set 6 (local.get 0))
    (local.set 7 (local.get 0)) (local.set 8 (local.get 0)))
  (func (export "i64-if") (result i32)
    (if (result i32) (i64.le_s (i64.const 256) (i64.const 7))
      (then (i32.const 1)) (else (i32.const 0))))
  (func (export "i64-eqz") (result i32)
    (if (result i32) (i32.eqz (i64.le_s (i64.const 256) (i64.const 7)))
      (then (i32.const 1)) (else (i32.const 0))))
  (func (export "f64-br_if") (result i32)
    (block (br_if 0 (f64.gt (f64.const 0) (f64.const -3.25))) (return (i32.const 0)))
    (i32.const 1))
  (func (export "f32-br_if") (result i32)
    (block (br_if 0 (f32.ne (f32.const 0) (f32.const 0))) (return (i32.const 0)))
    (i32.const 1)))

(invoke "leave" (i64.const 0))
(assert_return (invoke "i64-if") (i32.const 0))
(assert_return (invoke "i64-eqz") (i32.const 1))
(assert_return (invoke "f64-br_if") (i32.const 1))
(assert_return (invoke "f32-br_if") (i32.const 0))
(invoke "leave" (i64.const 256))
(assert_return (invoke "i64-if") (i32.const 0))
(assert_return (invoke "i64-eqz") (i32.const 1))
(assert_return (invoke "f64-br_if") (i32.const 1))
(assert_return (invoke "f32-br_if") (i32.const 0))
(invoke "leave" (i64.const -1))
(assert_return (invoke "i64-if") (i32.const 0))
(assert_return (invoke "i64-eqz") (i32.const 1))
(assert_return (invoke "f64-br_if") (i32.const 1))
(assert_return (invoke "f32-br_if") (i32.const 0))

;; A condition right after a comparison that became part of a branch.
(module
  (func (export "after") (param i64 f32) (result i32)
    (if (i32.eqz (i64.le_s (local.get 0) (i64.const 7)))
      (then
        (br_if 0 (i32.trunc_sat_f32_u (local.get 1)))
        (return (i32.const 1))))
    (i32.const 0)))

(assert_return (invoke "after" (i64.const 256) (f32.const 0)) (i32.const 1))
(assert_return (invoke "after" (i64.const 256) (f32.const 1)) (i32.const 0))
(assert_return (invoke "after" (i64.const 7) (f32.const 0)) (i32.const 0))

;; A load whose address is a load whose address is a sum.
(module
  (memory 1)
  (data (i32.const 16) "\20\00\00\00")
  (data (i32.const 32) "\40\00\00\00")
  (data (i32.const 64) "\07\00\00\00")
  (func (export "locals") (param i32 i32) (result i32)
    (i32.load (i32.load (i32.add (local.get 0) (local.get 1)))))
  (func (export "constant") (param i32) (result i32)
    (i32.load (i32.load (i32.add (local.get 0) (i32.const 6)))))
  (func (export "thrice") (param i32 i32) (result i32)
    (i32.load (i32.load (i32.load (i32.add (local.get 0) (local.get 1))))))
  (func (export "store") (param i32 i32) (result i32)
    (i32.store (i32.load (i32.add (local.get 0) (local.get 1))) (i32.const 9))
    (i32.load (i32.const 32))))

(assert_return (invoke "locals" (i32.const 10) (i32.const 6)) (i32.const 64))
(assert_return (invoke "constant" (i32.const 10)) (i32.const 64))
(assert_return (invoke "thrice" (i32.const 10) (i32.const 6)) (i32.const 7))
(assert_return (invoke "store" (i32.const 10) (i32.const 6)) (i32.const 9))

;; A branch with a value to a label whose slot an operand of the other path has: the operand is
;; still to be written there.
(module
  (func (export "br") (param i32 i32) (result i32)
    (block (result i32)
      (i32.add (i32.mul (local.get 0) (i32.const 3))
        (block (result i32)
          (if (local.get 1) (then (i32.const 1) (br 2)))
          (local.get 1)))))
  (func (export "br-arm") (param i32 i32) (result i64)
    (block (result i64)
      (i64.add (i64.extend_i32_s (local.get 0))
        (if (result i64) (local.get 1)
          (then (br 1 (i64.const 7)))
          (else (i64.const 100)))))))

(assert_return (invoke "br" (i32.const 4) (i32.const 0)) (i32.const 12))
(assert_return (invoke "br" (i32.const 4) (i32.const 1)) (i32.const 1))
(assert_return (invoke "br-arm" (i32.const -4) (i32.const 0)) (i64.const 96))
(assert_return (invoke "br-arm" (i32.const -4) (i32.const 1)) (i64.const 7))

;; An address that is added up before the value to be stored is computed.
(module
  (memory 1)
  (func (export "tee") (param i32) (result i32)
    (i32.store8 (i32.add (local.get 0) (i32.const 3)) (local.tee 0 (i32.const 7)))
    (i32.load8_u offset=3 (i32.const 100)))
  (func (export "two") (param i32 i32) (result i32)
    (i32.store (i32.add (local.get 0) (local.get 1))
      (i32.add (local.tee 1 (i32.mul (local.get 1) (i32.const 3))) (local.tee 0 (i32.const 5))))
    (i32.load (i32.const 42)))
  (func (export "nested") (param i32) (result i32)
    (i32.add (local.get 0) (i32.const 8))
    (i32.store (i32.add (local.get 0) (i32.const 4)) (i32.load (local.get 0)))
    (i32.store (i32.load offset=4 (local.get 0)))
    (i32.load offset=8 (local.get 0)))
  (func (export "wraps") (param i32) (result i32)
    (i32.store8 (i32.add (local.get 0) (i32.const -1)) (i32.mul (local.get 0) (i32.const 2)))
    (i32.load8_u (i32.sub (local.get 0) (i32.const 1))))
  (func (export "out of bounds") (param i32)
    (i32.store8 offset=1 (i32.add (local.get 0) (i32.const -1)) (i32.mul (local.get 0) (i32.const 2))))
  (data (i32.const 200) "\2a\00\00\00"))
(assert_return (invoke "tee" (i32.const 100)) (i32.const 7))
(assert_return (invoke "two" (i32.const 40) (i32.const 2)) (i32.const 11))
(assert_return (invoke "nested" (i32.const 200)) (i32.const 42))
(assert_return (invoke "wraps" (i32.const 10)) (i32.const 20))
(assert_trap (invoke "wraps" (i32.const 0)) "out of bounds memory access")
(assert_trap (invoke "out of bounds" (i32.const 0)) "out of bounds memory access")

;; A number that is loaded as i32 and used as i64: only its own bytes are read.
(module
  (memory 1 1)
  (func (export "word") (param i64 i32) (result i64)
    (i64.xor (local.get 0) (i64.extend_i32_u (i32.load (local.get 1)))))
  (func (export "half") (param i64 i32) (result i64)
    (i64.add (local.get 0) (i64.extend_i32_u (i32.load16_u (local.get 1)))))
  (func (export "byte") (param i64 i32) (result i64)
    (i64.sub (local.get 0) (i64.extend_i32_u (i32.load8_u (local.get 1)))))
  (func (export "signed byte") (param i64 i32) (result i64)
    (i64.or (local.get 0) (i64.extend_i32_u (i32.load8_s (local.get 1)))))
  (func (export "swapped") (param i64 i32) (result i64)
    (i64.mul (i64.extend_i32_u (i32.load (local.get 1))) (local.get 0)))
  (data (i32.const 65528) "\01\02\03\04\05\06\07\f8"))
(assert_return (invoke "word" (i64.const 0) (i32.const 65528)) (i64.const 0x04030201))
(assert_return (invoke "word" (i64.const 0) (i32.const 65532)) (i64.const 0xf8070605))
(assert_return (invoke "half" (i64.const 0) (i32.const 65530)) (i64.const 0x0403))
(assert_return (invoke "half" (i64.const 0) (i32.const 65534)) (i64.const 0xf807))
(assert_return (invoke "byte" (i64.const 256) (i32.const 65535)) (i64.const 8))
(assert_return (invoke "signed byte" (i64.const 0) (i32.const 65535)) (i64.const 0xfffffff8))
(assert_return (invoke "swapped" (i64.const 1) (i32.const 65532)) (i64.const 0xf8070605))
(assert_trap (invoke "word" (i64.const 0) (i32.const 65533)) "out of bounds memory access")

;; An address that is a sum of one local with itself, made while the value is in a register.
(module
  (memory 1 1)
  (func (export "computed") (param i32) (result i32)
    (i32.store
      (i32.add (local.get 0) (local.get 0))
      (i32.trunc_sat_f32_s (f32.const 1.5)))
    (i32.load (i32.shl (local.get 0) (i32.const 1))))
  (func (export "sum") (param i32 i32) (result i32)
    (i32.store
      (i32.add (local.get 0) (local.get 0))
      (i32.add (local.get 0) (local.get 1)))
    (i32.load (i32.shl (local.get 0) (i32.const 1))))
  (func (export "float") (param i32) (result f64)
    (f64.store
      (i32.add (local.get 0) (local.get 0))
      (f64.convert_i32_s (i32.mul (local.get 0) (i32.const 3))))
    (f64.load (i32.shl (local.get 0) (i32.const 1)))))
(assert_return (invoke "computed" (i32.const 0)) (i32.const 1))
(assert_return (invoke "computed" (i32.const 40)) (i32.const 1))
(assert_return (invoke "sum" (i32.const 40) (i32.const 2)) (i32.const 42))
(assert_return (invoke "float" (i32.const 40)) (f64.const 120))
(assert_trap (invoke "computed" (i32.const 32767)) "out of bounds memory access")

;; A vector that is dropped is not the one that a local gets.
(module
  (memory 1 1)
  (func (export "dropped") (result i32) (local v128)
    (v128.load (i32.const 0))
    (v128.load (i32.const 16))
    drop
    local.set 0
    (i32x4.extract_lane 0 (local.get 0)))
  (data (i32.const 0) "\01")
  (data (i32.const 16) "\02"))
(assert_return (invoke "dropped") (i32.const 1))

;; A comparison inside a try_table whose branch comes behind it: what is thrown there is behind, too.
(module
  (tag $e)
  (func (export "behind") (param i32 i32) (result i32)
    (block $out
      (block $inside
        (try_table (result i32) (catch_all $inside)
          (i32.eqz (i32.eq (local.get 0) (local.get 1))))
        (br_if $out)
        (throw $e))
      (return (i32.const 1)))
    (i32.const 2))
  (func (export "called") (param i64) (result i32)
    (block $out
      (block $inside
        (try_table (result i32) (catch_all $inside)
          (i32.eqz (i32.eqz (i64.eq (local.get 0) (i64.const 0x1234567890)))))
        (br_if $out)
        (call $throw))
      (return (i32.const 1)))
    (i32.const 2))
  (func $throw (throw $e)))
(assert_return (invoke "behind" (i32.const 1) (i32.const 2)) (i32.const 2))
(assert_exception (invoke "behind" (i32.const 1) (i32.const 1)))
(assert_return (invoke "called" (i64.const 0x1234567890)) (i32.const 2))
(assert_exception (invoke "called" (i64.const 1)))

;; A parameter of a loop that is in its place when an inner loop, which has another local in a
;; register, branches there; behind the branch, a load that is folded takes the register back.
(module
  (memory 1 1)
  (func (export "parameter") (param i32 i32) (result f64) (local f64)
    (f64.const 10)
    (loop $outer (param f64)
      (local.set 2 (f64.add (local.get 2)))
      (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (drop (i32.add (i32.add (local.get 0) (local.get 0)) (i32.add (local.get 0) (local.get 0))))
      (drop (i32.add (i32.add (local.get 0) (local.get 0)) (i32.add (local.get 0) (local.get 0))))
      (drop (i32.add (i32.add (local.get 0) (local.get 0)) (i32.add (local.get 0) (local.get 0))))
      (drop (i32.add (i32.add (local.get 0) (local.get 0)) (i32.add (local.get 0) (local.get 0))))
      (drop (i32.add (i32.add (local.get 0) (local.get 0)) (i32.add (local.get 0) (local.get 0))))
      (drop (i32.add (i32.add (local.get 0) (local.get 0)) (i32.add (local.get 0) (local.get 0))))
      (drop (i32.add (i32.add (local.get 0) (local.get 0)) (i32.add (local.get 0) (local.get 0))))
      (drop (i32.add (i32.add (local.get 0) (local.get 0)) (i32.add (local.get 0) (local.get 0))))
      (drop (i32.add (i32.add (local.get 0) (local.get 0)) (i32.add (local.get 0) (local.get 0))))
      (drop (i32.add (i32.add (local.get 0) (local.get 0)) (i32.add (local.get 0) (local.get 0))))
      (drop (i32.add (i32.add (local.get 0) (local.get 0)) (i32.add (local.get 0) (local.get 0))))
      (drop (i32.add (i32.add (local.get 0) (local.get 0)) (i32.add (local.get 0) (local.get 0))))
      (if (i32.ge_u (local.get 0) (i32.const 3)) (then (return (local.get 2))))
      (loop $inner
        (local.set 1 (i32.add (local.get 1) (i32.const 1)))
        (f64.mul (f64.convert_i32_u (local.get 1)) (f64.const 100))
        (br_if $outer (i32.and (local.get 1) (i32.const 1)))
        (drop (f64.add (f64.load (i32.and (local.get 1) (i32.const 0)))))
        (br_if $inner (i32.lt_u (local.get 1) (i32.const 40)))))
    (local.get 2)))
(assert_return (invoke "parameter" (i32.const 0) (i32.const 0)) (f64.const 410))
