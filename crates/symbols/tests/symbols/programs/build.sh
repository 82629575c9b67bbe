#!/bin/sh
# Rebuilds the modules and the answers of llvm-symbolizer that the tests compare with. Needs
# clang 14 with lld, llvm-symbolizer 14, the LLVM tools and AssemblyScript (`asc`).
set -e
cd "$(dirname "$0")"
# Compiles and links without `wasm-opt`, which clang would run if it finds one.
build() {
  module=$1 source=$2
  shift 2
  clang-14 --target=wasm32 -fdebug-compilation-dir=. -fno-exceptions -c "$source" -o object.o "$@"
  wasm-ld-14 --no-entry $link object.o -o "$module.wasm"
  rm object.o
}
build tiles_O0_dwarf4 tiles.c -O0 -gdwarf-4
build tiles_O2_dwarf5 tiles.c -O2 -gdwarf-5
build shapes_O0_dwarf5 shapes.cpp -O0 -gdwarf-5
build shapes_O2_dwarf4 shapes.cpp -O2 -gdwarf-4
link=--no-demangle build shapes_O1_mangled shapes.cpp -O1 -gdwarf-4
for module in tiles_O0_dwarf4 tiles_O2_dwarf5 shapes_O0_dwarf5 shapes_O2_dwarf4 shapes_O1_mangled; do
  # The places of all instructions, counted from the start of the code section's contents.
  llvm-objdump-14 -d $module.wasm | sed -n 's/^ *\([0-9a-f]*\):.*/0x\1/p' |
    llvm-symbolizer-14 --obj=$module.wasm --addresses --inlines --functions=linkage --demangle \
      > $module.txt
done
asc queue.ts --outFile queue.wasm --sourceMap --debug --runtime stub --use abort=
