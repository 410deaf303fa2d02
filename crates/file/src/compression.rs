//! Compress a stream: gzip, and zstd behind a feature.

use std::io::{self, Read, Write};

use crate::rotation::Packing;

/// The compression of rotated files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// As `.gz`, at gzip's usual level.
    Gzip,
    /// As `.zst`, at zstd's fastest level.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Compression {
    pub(crate) fn packing(self) -> Packing {
        match self {
            Self::Gzip => Packing::Gzip,
            #[cfg(feature = "zstd")]
            Self::Zstd => Packing::Zstd,
        }
    }

    pub(crate) fn copy(self, from: &mut dyn Read, to: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(to, flate2::Compression::default());
                io::copy(from, &mut encoder)?;
                encoder.finish()?;
                Ok(())
            }
            #[cfg(feature = "zstd")]
            Self::Zstd => {
                // Its encoder panics at an error, so it is told of none; both are asked for theirs afterwards.
                let (mut from, mut to) = (Calm::new(from), Calm::new(to));
                ruzstd::encoding::compress(&mut from, &mut to, ruzstd::encoding::CompressionLevel::Fastest);
                from.error.or(to.error).map_or(Ok(()), Err)
            }
        }
    }
}

/// Keeps the first error to itself and goes on as if nothing had been.
#[cfg(feature = "zstd")]
struct Calm<'a, T: ?Sized> {
    inner: &'a mut T,
    error: Option<io::Error>,
}

#[cfg(feature = "zstd")]
impl<'a, T: ?Sized> Calm<'a, T> {
    fn new(inner: &'a mut T) -> Self {
        Self { inner, error: None }
    }
}

#[cfg(feature = "zstd")]
impl<T: Read + ?Sized> Read for Calm<'_, T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(into) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error.get_or_insert(error);
                    return Ok(0);
                }
                read => return read,
            }
        }
    }
}

#[cfg(feature = "zstd")]
impl<T: Write + ?Sized> Write for Calm<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.error.is_none()
            && let Err(error) = self.inner.write_all(bytes)
        {
            self.error = Some(error);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<u8> {
        (0..20_000).flat_map(|line| format!("line {line} of a log\n").into_bytes()).collect()
    }

    #[test]
    fn gzip_reads_back() {
        let mut packed = Vec::new();
        Compression::Gzip.copy(&mut &*text(), &mut packed).unwrap();
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&*packed).read_to_end(&mut read).unwrap();
        assert!(read == text() && packed.len() < read.len() / 4);
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_reads_back_and_an_error_is_one_and_no_panic() {
        let mut packed = Vec::new();
        Compression::Zstd.copy(&mut &*text(), &mut packed).unwrap();
        let mut read = Vec::new();
        ruzstd::decoding::StreamingDecoder::new(&*packed).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == text() && packed.len() < read.len() / 3, "{}", packed.len());
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = Compression::Zstd.copy(&mut &*text(), &mut Full).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
