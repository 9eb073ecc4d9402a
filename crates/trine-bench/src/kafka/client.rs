//! A blocking client for what must be set up before a load: topics and where they are.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const CREATE_TOPICS: i16 = 19;
const DELETE_TOPICS: i16 = 20;
const LIST_OFFSETS: i16 = 2;
/// Error code of CreateTopics when the name is taken.
const TOPIC_ALREADY_EXISTS: i16 = 36;

/// Writes the fields of the old (not flexible) encoding.
#[derive(Default)]
pub struct Fields(pub Vec<u8>);

impl Fields {
    /// A frame with its header; the length is set by [`Fields::frame`].
    #[must_use]
    pub fn request(key: i16, version: i16, correlation: i32) -> Self {
        let mut fields = Self(vec![0; 4]);
        fields.i16(key).i16(version).i32(correlation).str("trine-bench");
        fields
    }

    /// Two bytes.
    pub fn i16(&mut self, v: i16) -> &mut Self {
        self.raw(&v.to_be_bytes())
    }

    /// Four bytes.
    pub fn i32(&mut self, v: i32) -> &mut Self {
        self.raw(&v.to_be_bytes())
    }

    /// Eight bytes.
    pub fn i64(&mut self, v: i64) -> &mut Self {
        self.raw(&v.to_be_bytes())
    }

    /// A string.
    pub fn str(&mut self, v: &str) -> &mut Self {
        self.i16(v.len() as i16).raw(v.as_bytes())
    }

    /// Bytes as they are.
    pub fn raw(&mut self, v: &[u8]) -> &mut Self {
        self.0.extend_from_slice(v);
        self
    }

    /// The frame, its length set.
    #[must_use]
    pub fn frame(mut self) -> Vec<u8> {
        let len = (self.0.len() - 4) as u32;
        if let Some(slot) = self.0.first_chunk_mut::<4>() {
            *slot = len.to_be_bytes();
        }
        self.0
    }
}

/// Reads the fields of the old encoding.
pub struct Answer<'a>(pub &'a [u8]);

impl Answer<'_> {
    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(io::ErrorKind::UnexpectedEof)?;
        self.0 = rest;
        Ok(*head)
    }

    /// Two bytes.
    pub fn i16(&mut self) -> io::Result<i16> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    /// Four bytes.
    pub fn i32(&mut self) -> io::Result<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// Eight bytes.
    pub fn i64(&mut self) -> io::Result<i64> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// A string, or nothing for null.
    pub fn skip_str(&mut self) -> io::Result<()> {
        let len = usize::try_from(self.i16()?).unwrap_or(0);
        self.0 = self.0.get(len..).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(())
    }
}

/// A connection that sends one request at a time.
pub struct Client(TcpStream);

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nothing listens there.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self(stream))
    }

    /// Sends a frame and reads the answer, its correlation id checked and taken off.
    pub fn call(&mut self, request: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(request)?;
        let mut len = [0; 4];
        self.0.read_exact(&mut len)?;
        let mut answer = vec![0; u32::from_be_bytes(len) as usize];
        self.0.read_exact(&mut answer)?;
        if answer.get(..4) != request.get(8..12) {
            return Err(io::Error::other("the answer's correlation id is not the request's"));
        }
        answer.drain(..4);
        Ok(answer)
    }

    /// Creates a topic; one that exists is fine.
    pub fn create_topic(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> io::Result<()> {
        let mut f = Fields::request(CREATE_TOPICS, 2, 1);
        f.i32(1).str(name).i32(partitions).i16(1).i32(0);
        f.i32(configs.len() as i32);
        for (key, value) in configs {
            f.str(key).str(value);
        }
        f.i32(30_000).raw(&[0]);
        let answer = self.call(&f.frame())?;
        let mut r = Answer(&answer);
        let (_throttle, _topics) = (r.i32()?, r.i32()?);
        r.skip_str()?;
        match r.i16()? {
            0 | TOPIC_ALREADY_EXISTS => Ok(()),
            code => Err(io::Error::other(format!("creating topic {name} failed with error {code}"))),
        }
    }

    /// Deletes a topic; one that does not exist is fine.
    pub fn delete_topic(&mut self, name: &str) -> io::Result<()> {
        let mut f = Fields::request(DELETE_TOPICS, 1, 2);
        f.i32(1).str(name).i32(30_000);
        self.call(&f.frame()).map(drop)
    }

    /// The end of a partition.
    pub fn end_offset(&mut self, topic: &str, partition: i32) -> io::Result<i64> {
        let mut f = Fields::request(LIST_OFFSETS, 1, 3);
        f.i32(-1).i32(1).str(topic).i32(1).i32(partition).i64(-1);
        let answer = self.call(&f.frame())?;
        let mut r = Answer(&answer);
        let _topics = r.i32()?;
        r.skip_str()?;
        let (_partitions, _index, code) = (r.i32()?, r.i32()?, r.i16()?);
        if code != 0 {
            return Err(io::Error::other(format!("listing the end of {topic}-{partition} failed with error {code}")));
        }
        let _timestamp = r.i64()?;
        r.i64()
    }
}
