//! The meaning of a response, by its status and by that of gRPC.

use http::{HeaderMap, StatusCode};

/// How a request has ended, as far as its level is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Ok,
    ClientError,
    ServerError,
}

pub(crate) fn of_status(status: StatusCode) -> Class {
    if status.is_server_error() {
        Class::ServerError
    } else if status.is_client_error() {
        Class::ClientError
    } else {
        Class::Ok
    }
}

/// Returns the code of gRPC in headers or trailers.
pub(crate) fn grpc_code(headers: &HeaderMap) -> Option<u32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// Judges a code of gRPC: what is the server's fault, what the client's.
///
/// The codes are those of google.rpc.Code: <https://grpc.io/docs/guides/status-codes/>.
pub(crate) fn of_grpc(code: u32) -> Class {
    match code {
        0 => Class::Ok,
        // UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
        2 | 4 | 12..=15 => Class::ServerError,
        _ => Class::ClientError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_follows_the_status() {
        let cases = [
            (200, Class::Ok),
            (304, Class::Ok),
            (400, Class::ClientError),
            (499, Class::ClientError),
            (500, Class::ServerError),
            (599, Class::ServerError),
        ];
        for (status, class) in cases {
            assert_eq!(of_status(StatusCode::from_u16(status).unwrap()), class, "{status}");
        }
        for (code, class) in
            [(0, Class::Ok), (5, Class::ClientError), (16, Class::ClientError), (13, Class::ServerError)]
        {
            assert_eq!(of_grpc(code), class, "{code}");
        }
    }
}
