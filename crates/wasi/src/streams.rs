//! Standard streams that are no descriptors of the host's.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::sync::Mutex;

use crate::errno::{Errno, Outcome};
use crate::guest::{Buffers, Guest};
use crate::pipe::{StdinStream, StdoutStream, lock};

/// Standard input of the embedder's.
pub(crate) struct Input {
    stream: Mutex<Box<dyn StdinStream>>,
}

/// Standard output or error of the embedder's.
pub(crate) struct Output {
    stream: Mutex<Box<dyn StdoutStream>>,
}

impl Input {
    pub(crate) fn new(stream: Box<dyn StdinStream>) -> Input {
        Input { stream: Mutex::new(stream) }
    }

    pub(crate) fn read(&self, guest: &mut Guest<'_>, buffers: &Buffers) -> Outcome<u32> {
        guest.check_time()?;
        let mut stream = lock(&self.stream);
        let read = |slices: &mut [IoSliceMut<'_>]| {
            let Some(first) = slices.first_mut() else { return Ok(0) };
            retry(|| stream.read(first)).map(|len| len.min(first.len()))
        };
        // No more than what was asked for, whose length has 32 bits.
        Ok(guest.fill_buffers(buffers, read)?.0 as u32)
    }

    /// How many bytes can be read without waiting; `None` if a read would wait.
    pub(crate) fn ready_bytes(&self) -> Option<u64> {
        lock(&self.stream).ready_bytes()
    }
}

impl Output {
    pub(crate) fn new(stream: Box<dyn StdoutStream>) -> Output {
        Output { stream: Mutex::new(stream) }
    }

    pub(crate) fn write(&self, guest: &mut Guest<'_>, mut buffers: Buffers) -> Outcome<u32> {
        let mut done = 0;
        loop {
            guest.check_time()?;
            let write = |slices: &[IoSlice<'_>]| {
                let mut stream = lock(&self.stream);
                let Some(first) = slices.first() else { return Ok(0) };
                retry(|| stream.write(first)).map(|len| len.min(first.len()))
            };
            match guest.take_buffers(&buffers, write) {
                Ok((0, _)) => return Ok(done),
                Ok((len, _)) => {
                    buffers.advance(guest, len)?;
                    done += len as u32;
                    if buffers.is_done() {
                        return Ok(done);
                    }
                }
                Err(_) if done > 0 => return Ok(done),
                Err(fault) => return Err(fault),
            }
        }
    }
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> Result<usize, Errno> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return Ok(result?),
        }
    }
}
