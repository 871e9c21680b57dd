//! A maskproof worker: hello first, then one reply a request until the input ends. docs/protocol.md has every message.
//!
//!     cargo build --release
//!     maskproof doctor --worker target/release/maskproof-worker-rust
//!     maskproof fuzz --backend exec:target/release/maskproof-worker-rust

mod attention;
mod case;

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};

use safetensors::tensor::{serialize, TensorView};
use safetensors::SafeTensors;
use serde_json::{json, Value};

use case::{Case, Tensor};

/// The key of the file's metadata that holds the message.
const KEY: &str = "maskproof";

fn main() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut output = io::stdout().lock();
    let hello = json!({
        "type": "hello",
        "protocol": 1,
        "name": "rust-attention",
        "supports": attention::supports(),
        "versions": { "rust-attention": env!("CARGO_PKG_VERSION") },
    });
    say(&mut output, &hello, &[])?;
    let mut sessions = HashSet::new();
    while let Some(file) = read_frame(&mut input)? {
        let (reply, tensors) = reply_to(&file, &mut sessions);
        say(&mut output, &reply, &tensors)?;
    }
    Ok(())
}

/// The file of the next frame; None where the input ends.
fn read_frame(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut file = vec![0; u32::from_le_bytes(length) as usize];
    input.read_exact(&mut file)?;
    Ok(Some(file))
}

fn say(output: &mut impl Write, message: &Value, tensors: &[(String, Tensor)]) -> io::Result<()> {
    let views = tensors.iter().map(|(name, tensor)| {
        let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes)
            .expect("as many bytes as the shape holds");
        (name.as_str(), view)
    });
    let metadata = HashMap::from([(KEY.to_string(), message.to_string())]);
    let file = serialize(views, Some(metadata)).map_err(io::Error::other)?;
    output.write_all(&(file.len() as u32).to_le_bytes())?;
    output.write_all(&file)?;
    output.flush()
}

fn reply_to(file: &[u8], sessions: &mut HashSet<u64>) -> (Value, Vec<(String, Tensor)>) {
    let read = || -> Result<(Value, SafeTensors), String> {
        let (_, header) = SafeTensors::read_metadata(file).map_err(|error| error.to_string())?;
        let text = header
            .metadata()
            .as_ref()
            .and_then(|all| all.get(KEY))
            .ok_or("the frame holds no message")?;
        let request = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Ok((
            request,
            SafeTensors::deserialize(file).map_err(|error| error.to_string())?,
        ))
    };
    let (request, tensors) = match read() {
        Ok(both) => both,
        Err(problem) => return (error_reply(&Value::Null, &problem), vec![]),
    };
    let id = &request["id"];
    let session = request["session"].as_u64().unwrap_or(0);
    match request["type"].as_str() {
        Some("open") => {
            sessions.insert(session);
            (json!({ "type": "opened", "id": id }), vec![])
        }
        Some("close") => {
            sessions.remove(&session);
            (json!({ "type": "closed", "id": id }), vec![])
        }
        Some("attend") if sessions.contains(&session) => answer(id, &request["cases"], &tensors),
        Some("attend") => (error_reply(id, &format!("session {session} is not open")), vec![]),
        other => (
            error_reply(id, &format!("there is no request of type {other:?}")),
            vec![],
        ),
    }
}

fn error_reply(id: &Value, problem: &str) -> Value {
    json!({ "type": "error", "id": id, "error": { "type": "WorkerError", "message": problem } })
}

/// One answer a case: its tensors by name, or why there are none.
fn answer(id: &Value, cases: &Value, tensors: &SafeTensors) -> (Value, Vec<(String, Tensor)>) {
    let mut answers = vec![];
    let mut given = vec![];
    for (n, wire) in cases.as_array().into_iter().flatten().enumerate() {
        match Case::read(wire, tensors).and_then(|case| attention::attend(&case)) {
            Ok(answer) => {
                let mut names = serde_json::Map::new();
                for (name, tensor) in answer {
                    names.insert(name.to_string(), json!(format!("{n}.{name}")));
                    given.push((format!("{n}.{name}"), tensor));
                }
                answers.push(Value::Object(names));
            }
            Err(problem) => answers.push(json!({ "error": { "type": "CaseError", "message": problem } })),
        }
    }
    (json!({ "type": "answer", "id": id, "answers": answers }), given)
}
