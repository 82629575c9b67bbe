//! The raw stream of accesses, as a file.
//!
//! # The format, version 1
//!
//! ```text
//! file    "LTRACE1\n", then blocks
//! block   u32 bytes of the block's body │ u32 accesses │ body      (little-endian)
//! access  tag: u8, then what the tag says
//! ```
//!
//! The tag's bits, from the lowest:
//!
//! | bits | mean |
//! | --- | --- |
//! | 0–1 | 0 read, 1 write, 2 update, 3 something else than an access |
//! | 2–4 | 1, 2, 4, 8 or 16 bytes as 0 to 4; 5: a varint with the number of bytes follows |
//! | 5 | the instruction is the one that followed the last one before; otherwise its number follows |
//! | 6 | the address has the same distance from the last address of the instruction as that had from the one before; otherwise the difference from the last address of the instruction follows |
//! | 7 | the memory is not the one of the access before; its number follows |
//!
//! What follows comes in the order memory, number of bytes, instruction, address; numbers are
//! LEB128, differences are zigzag. Instructions are numbered in the order in which they first
//! occur; a number that is one more than the highest is followed by the instruction's offset in
//! the module's binary plus 1, or 0 for the host, a data segment, or another module.
//!
//! So an instruction in a loop that walks over an array takes one byte an access.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use anyhow::Result;
use lineal::{
    Access, AccessKind, Accesses, Batch, Engine, Instantiated, Module, Moment, Observe, Observer,
    Origin, Site,
};

use crate::memories::Memories;

const MAGIC: &[u8; 8] = b"LTRACE1\n";

/// Accesses in a block.
const BLOCK: u32 = 1 << 15;

/// The most bytes of a block that a reader accepts.
const LARGEST_BLOCK: u32 = 64 << 20;

/// An access as a trace has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceAccess {
    /// Whether it reads, writes or both.
    pub kind: AccessKind,
    /// The index of the memory in the module.
    pub memory: u32,
    /// The address of the first byte.
    pub addr: u64,
    /// How many bytes.
    pub len_bytes: u64,
    /// Where the instruction is in the module's binary; `None` for the host and data segments.
    pub offset: Option<u32>,
}

/// What writer and reader both remember, so that less has to be written.
#[derive(Debug, Default)]
struct State {
    memory: u32,
    last: usize,
    instructions: Vec<Instruction>,
}

/// An instruction that was seen.
#[derive(Clone, Copy, Debug, Default)]
struct Instruction {
    offset: u32,
    /// The last address, and its distance from the one before.
    addr: u64,
    stride: u64,
    /// The instruction that came next.
    next: usize,
}

impl State {
    /// Takes note of an access of an instruction.
    fn accessed(&mut self, number: usize, addr: u64) {
        let instruction = &mut self.instructions[number];
        instruction.stride = addr.wrapping_sub(instruction.addr);
        instruction.addr = addr;
        if let Some(last) = self.instructions.get_mut(self.last) {
            last.next = number;
        }
        self.last = number;
    }

    fn predicted(&self) -> usize {
        self.instructions.get(self.last).map_or(usize::MAX, |last| last.next)
    }
}

fn kind_bits(kind: AccessKind) -> u8 {
    match kind {
        AccessKind::Read => 0,
        AccessKind::Write => 1,
        AccessKind::Update => 2,
    }
}

const OTHER_WIDTH: u8 = 5;

fn width_bits(len_bytes: u64) -> u8 {
    match len_bytes {
        1 => 0,
        2 => 1,
        4 => 2,
        8 => 3,
        16 => 4,
        _ => OTHER_WIDTH,
    }
}

const SAME_NEXT: u8 = 1 << 5;
const SAME_STRIDE: u8 = 1 << 6;
const OTHER_MEMORY: u8 = 1 << 7;

/// Writes a trace.
pub struct Writer<W: Write> {
    out: W,
    body: Vec<u8>,
    count: u32,
    state: State,
    numbers: HashMap<u32, usize>,
}

impl<W: Write> Writer<W> {
    /// Begins a trace.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn new(mut out: W) -> io::Result<Writer<W>> {
        out.write_all(MAGIC)?;
        let (state, numbers) = (State::default(), HashMap::new());
        Ok(Writer { out, body: Vec::new(), count: 0, state, numbers })
    }

    /// Appends an access.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn push(&mut self, access: &TraceAccess) -> io::Result<()> {
        let offset = access.offset.map_or(0, |offset| offset.saturating_add(1));
        let known = self.numbers.get(&offset).copied();
        let number = known.unwrap_or(self.state.instructions.len());
        if known.is_none() {
            self.numbers.insert(offset, number);
            self.state.instructions.push(Instruction { offset, ..Instruction::default() });
        }
        let is_next = known.is_some() && self.state.predicted() == number;
        let instruction = self.state.instructions[number];
        let difference = access.addr.wrapping_sub(instruction.addr);
        let same_stride = difference == instruction.stride;
        let width = width_bits(access.len_bytes);
        let mut tag = kind_bits(access.kind) | width << 2;
        let flags = [
            (is_next, SAME_NEXT),
            (same_stride, SAME_STRIDE),
            (access.memory != self.state.memory, OTHER_MEMORY),
        ];
        for (is_set, bit) in flags {
            tag |= if is_set { bit } else { 0 };
        }
        self.body.push(tag);
        if tag & OTHER_MEMORY != 0 {
            leb128(&mut self.body, access.memory.into());
            self.state.memory = access.memory;
        }
        if width == OTHER_WIDTH {
            leb128(&mut self.body, access.len_bytes);
        }
        if !is_next {
            leb128(&mut self.body, number as u64);
            if known.is_none() {
                leb128(&mut self.body, offset.into());
            }
        }
        if !same_stride {
            leb128(&mut self.body, zigzag(difference));
        }
        self.state.accessed(number, access.addr);
        self.count += 1;
        if self.count == BLOCK { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> io::Result<()> {
        if self.count > 0 {
            self.out.write_all(&(self.body.len() as u32).to_le_bytes())?;
            self.out.write_all(&self.count.to_le_bytes())?;
            self.out.write_all(&self.body)?;
            self.body.clear();
            self.count = 0;
        }
        Ok(())
    }

    /// Ends the trace.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_block()?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn leb128(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn zigzag(difference: u64) -> u64 {
    let signed = difference as i64;
    (signed << 1 ^ signed >> 63) as u64
}

fn unzigzag(number: u64) -> u64 {
    number >> 1 ^ (number & 1).wrapping_neg()
}

/// Reads a trace: an iterator over its accesses.
#[derive(Debug)]
pub struct Reader<R: Read> {
    input: R,
    body: Vec<u8>,
    at: usize,
    left: u32,
    state: State,
    failed: bool,
}

impl<R: Read> Reader<R> {
    /// Begins to read.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is not a trace of this version.
    pub fn new(mut input: R) -> io::Result<Reader<R>> {
        let mut magic = [0; 8];
        input.read_exact(&mut magic).map_err(|_| malformed("it is too short"))?;
        if &magic != MAGIC {
            return Err(malformed("it does not begin with LTRACE1"));
        }
        let (body, state) = (Vec::new(), State::default());
        Ok(Reader { input, body, at: 0, left: 0, state, failed: false })
    }

    fn begin_block(&mut self) -> io::Result<bool> {
        let mut head = [0; 8];
        let mut filled = 0;
        while filled < head.len() {
            match self.input.read(&mut head[filled..])? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(malformed("it ends inside a block")),
                count => filled += count,
            }
        }
        let [a, b, c, d, count @ ..] = head;
        let len = u32::from_le_bytes([a, b, c, d]);
        if len > LARGEST_BLOCK {
            return Err(malformed("a block is too large"));
        }
        self.left = u32::from_le_bytes(count);
        self.at = 0;
        self.body.clear();
        let read = (&mut self.input).take(len.into()).read_to_end(&mut self.body)?;
        if read != len as usize {
            return Err(malformed("it ends inside a block"));
        }
        Ok(true)
    }

    fn byte(&mut self) -> io::Result<u8> {
        let byte = self.body.get(self.at).copied();
        self.at += 1;
        byte.ok_or_else(|| malformed("a block ends inside an access"))
    }

    fn number(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(malformed("a number is too long"))
    }

    fn access(&mut self) -> io::Result<Option<TraceAccess>> {
        while self.left == 0 {
            if !self.begin_block()? {
                return Ok(None);
            }
        }
        self.left -= 1;
        let tag = self.byte()?;
        let kind = match tag & 3 {
            0 => AccessKind::Read,
            1 => AccessKind::Write,
            2 => AccessKind::Update,
            _ => return Err(malformed("an access is of no kind")),
        };
        if tag & OTHER_MEMORY != 0 {
            let memory = self.number()?;
            self.state.memory =
                u32::try_from(memory).map_err(|_| malformed("a memory's number is too large"))?;
        }
        let len_bytes = match tag >> 2 & 7 {
            width @ 0..OTHER_WIDTH => 1 << width,
            OTHER_WIDTH => self.number()?,
            _ => return Err(malformed("an access has no width")),
        };
        let number = if tag & SAME_NEXT != 0 {
            self.state.predicted()
        } else {
            let number = usize::try_from(self.number()?).unwrap_or(usize::MAX);
            if number == self.state.instructions.len() {
                let offset = u32::try_from(self.number()?)
                    .map_err(|_| malformed("an instruction's offset is too large"))?;
                self.state.instructions.push(Instruction { offset, ..Instruction::default() });
            }
            number
        };
        let Some(&instruction) = self.state.instructions.get(number) else {
            return Err(malformed("an instruction was not named before"));
        };
        let difference =
            if tag & SAME_STRIDE != 0 { instruction.stride } else { unzigzag(self.number()?) };
        let addr = instruction.addr.wrapping_add(difference);
        self.state.accessed(number, addr);
        let offset = instruction.offset.checked_sub(1);
        Ok(Some(TraceAccess { kind, memory: self.state.memory, addr, len_bytes, offset }))
    }
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("this is not a trace of version 1: {why}"))
}

impl<R: Read> Iterator for Reader<R> {
    type Item = io::Result<TraceAccess>;

    fn next(&mut self) -> Option<io::Result<TraceAccess>> {
        if self.failed {
            return None;
        }
        let access = self.access();
        self.failed = access.is_err();
        access.transpose()
    }
}

/// An observer that writes a trace.
pub struct Recorder {
    engine: Engine,
    memories: Memories,
    module: Option<Module>,
    offsets: HashMap<Site, Option<u32>>,
    writer: Option<Writer<Box<dyn Write + Send + Sync>>>,
    accesses: u64,
}

impl Recorder {
    /// What the engine has to report.
    pub fn observe() -> Observe {
        Observe::new().accesses(Accesses::All).batched(true)
    }

    /// Writes the accesses to the memories of the first instance.
    ///
    /// # Errors
    ///
    /// If the beginning cannot be written.
    pub fn new(engine: &Engine, out: impl Write + Send + Sync + 'static) -> io::Result<Recorder> {
        let out: Box<dyn Write + Send + Sync> = Box::new(out);
        Ok(Recorder {
            engine: engine.clone(),
            memories: Memories::default(),
            module: None,
            offsets: HashMap::new(),
            writer: Some(Writer::new(out)?),
            accesses: 0,
        })
    }

    /// How many accesses were written.
    pub fn accesses(&self) -> u64 {
        self.accesses
    }

    /// Ends the trace.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn finish(&mut self) -> io::Result<()> {
        match self.writer.take() {
            Some(writer) => writer.finish().map(drop),
            None => Ok(()),
        }
    }

    fn record(&mut self, access: &Access<'_>) -> Result<()> {
        let Some(memory) = self.memories.index(access.memory()) else { return Ok(()) };
        let (engine, module) = (&self.engine, &self.module);
        let offset = self.offsets.entry(access.site()).or_insert_with(|| {
            let Origin::Instruction(frame) = engine.origin(access.site()) else { return None };
            let is_main = module
                .as_ref()
                .is_some_and(|it| std::ptr::eq(it.binary(), frame.module().binary()));
            frame.module_offset().filter(|_| is_main).map(|offset| offset as u32)
        });
        let access = TraceAccess {
            kind: access.kind(),
            memory,
            addr: access.addr(),
            len_bytes: access.len_bytes(),
            offset: *offset,
        };
        self.accesses += 1;
        if let Some(writer) = &mut self.writer {
            writer.push(&access)?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("accesses", &self.accesses).finish_non_exhaustive()
    }
}

impl Observer for Recorder {
    fn instantiated(&mut self, _: &mut Moment<'_>, instance: &Instantiated<'_>) -> Result<()> {
        if self.memories.instantiated(instance) {
            self.module = Some(instance.module.clone());
        }
        Ok(())
    }

    fn access(&mut self, _: &mut Moment<'_>, access: &Access<'_>) -> Result<()> {
        self.record(access)
    }

    fn accesses(&mut self, _: &mut Moment<'_>, batch: &Batch<'_>) -> Result<()> {
        batch.iter().try_for_each(|access| self.record(&access))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut random = 7_u64;
        let mut next = |end: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % end
        };
        let accesses: Vec<TraceAccess> = (0..100_000)
            .map(|_| TraceAccess {
                kind: [AccessKind::Read, AccessKind::Write, AccessKind::Update][next(3) as usize],
                memory: u32::from(next(50) == 0),
                addr: if next(9) == 0 { u64::MAX - next(9) } else { next(1 << 20) },
                len_bytes: [1, 2, 4, 8, 16, 0, 3, 70_000][next(8) as usize],
                offset: [None, Some(u32::MAX - 1)]
                    .get(next(20) as usize)
                    .copied()
                    .unwrap_or(Some(next(300) as u32)),
            })
            .collect();
        let mut writer = Writer::new(Vec::new()).unwrap();
        accesses.iter().for_each(|access| writer.push(access).unwrap());
        let bytes = writer.finish().unwrap();
        let read: Vec<TraceAccess> = Reader::new(&bytes[..]).unwrap().map(Result::unwrap).collect();
        assert!(read == accesses);
        // What is cut off or changed is an error, never a panic.
        for cut in (0..bytes.len().min(3000)).chain([bytes.len() - 1]) {
            if let Ok(reader) = Reader::new(&bytes[..cut]) {
                assert!(cut == 8 || reader.last().is_some_and(|last| last.is_err()), "{cut}");
            }
            let mut changed = bytes.clone();
            changed[cut] ^= 0x55;
            if let Ok(reader) = Reader::new(&changed[..]) {
                reader.for_each(drop);
            }
        }
    }

    #[test]
    fn a_loop_over_an_array_takes_a_byte_an_access() {
        let mut writer = Writer::new(Vec::new()).unwrap();
        for round in 0..100_000_u64 {
            for (offset, base) in [(10, 0), (20, 1 << 20)] {
                let (kind, addr) = (AccessKind::Read, base + round * 4);
                let access =
                    TraceAccess { kind, memory: 0, addr, len_bytes: 4, offset: Some(offset) };
                writer.push(&access).unwrap();
            }
        }
        assert!(writer.finish().unwrap().len() < 200_300);
    }
}
