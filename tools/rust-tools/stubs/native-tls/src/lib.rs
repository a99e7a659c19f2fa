//! As much of `native-tls` as ureq's source names, and every connection refused.
//!
//! worker-build uses TLS only to download helpers that it was not given. Here it is given all of them, so that a
//! download means that an environment variable is missing; this says so instead of needing OpenSSL to find out.

use std::{fmt, io};

#[derive(Debug)]
pub struct Error;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing is downloaded here: WASM_BINDGEN_BIN, WASM_OPT_BIN and ESBUILD_BIN must be set (tools/env.sh sets them)")
    }
}

impl std::error::Error for Error {}

#[derive(Debug)]
pub enum HandshakeError<S> {
    Failure(Error),
    WouldBlock(S),
}

pub struct Certificate;

impl Certificate {
    pub fn from_der(_: &[u8]) -> Result<Self, Error> {
        Err(Error)
    }
}

pub struct Identity;

impl Identity {
    pub fn from_pkcs8(_: &[u8], _: &[u8]) -> Result<Self, Error> {
        Err(Error)
    }
}

pub struct TlsConnectorBuilder;

impl TlsConnectorBuilder {
    pub fn danger_accept_invalid_certs(&mut self, _: bool) -> &mut Self {
        self
    }

    pub fn danger_accept_invalid_hostnames(&mut self, _: bool) -> &mut Self {
        self
    }

    pub fn disable_built_in_roots(&mut self, _: bool) -> &mut Self {
        self
    }

    pub fn add_root_certificate(&mut self, _: Certificate) -> &mut Self {
        self
    }

    pub fn identity(&mut self, _: Identity) -> &mut Self {
        self
    }

    pub fn use_sni(&mut self, _: bool) -> &mut Self {
        self
    }

    pub fn build(&self) -> Result<TlsConnector, Error> {
        Err(Error)
    }
}

pub struct TlsConnector;

impl TlsConnector {
    pub fn builder() -> TlsConnectorBuilder {
        TlsConnectorBuilder
    }

    pub fn connect<S>(&self, _: &str, _: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        Err(HandshakeError::Failure(Error))
    }
}

pub struct TlsStream<S>(S);

impl<S> TlsStream<S> {
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.0
    }
}

impl<S> io::Read for TlsStream<S> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl<S> io::Write for TlsStream<S> {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
