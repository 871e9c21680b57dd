//! A case off the wire: words in JSON, numbers in tensors that the words name.

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// Row-major numbers as they lie on the wire.
pub struct Tensor {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

impl Tensor {
    /// Rounds to `dtype`.
    pub fn from_numbers(dtype: Dtype, shape: &[usize], numbers: &[f64]) -> Tensor {
        let bytes = match dtype {
            Dtype::F64 => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
            _ => numbers.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect(),
        };
        Tensor {
            dtype,
            shape: shape.to_vec(),
            bytes,
        }
    }
}

/// Row-major numbers of any of the types that we declare.
pub struct Numbers {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

impl Numbers {
    fn read(name: &Value, tensors: &SafeTensors, rank: usize) -> Result<Numbers, String> {
        let name = name.as_str().ok_or("a tensor is missing")?;
        let view = tensors.tensor(name).map_err(|error| error.to_string())?;
        if view.shape().len() != rank {
            return Err(format!("{name} has {} axes, not {rank}", view.shape().len()));
        }
        let bytes = view.data();
        let data = match view.dtype() {
            Dtype::F64 => numbers(bytes, f64::from_le_bytes),
            Dtype::F32 => numbers(bytes, |word| f32::from_le_bytes(word) as f64),
            Dtype::I64 => numbers(bytes, |word| i64::from_le_bytes(word) as f64),
            Dtype::BOOL => numbers(bytes, |[byte]| byte as f64),
            other => return Err(format!("{name} is {other:?}, which this worker does not declare")),
        };
        Ok(Numbers {
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            data,
        })
    }
}

fn numbers<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    bytes
        .chunks_exact(N)
        .map(|word| number(word.try_into().expect("a chunk of that size")))
        .collect()
}

pub struct Mask {
    pub rank: usize,
    pub is_additive: bool,
    pub cells: Numbers,
}

pub struct Case {
    /// [batch, num_heads, q_len, head_dim]
    pub query: Numbers,
    /// [batch, num_kv_heads, kv_len, head_dim]
    pub key: Numbers,
    /// [batch, num_kv_heads, kv_len, v_head_dim]
    pub value: Numbers,
    pub mask: Option<Mask>,
    pub is_causal: bool,
    pub scale: f64,
    pub wants_weights: bool,
}

impl Case {
    pub fn read(wire: &Value, tensors: &SafeTensors) -> Result<Case, String> {
        let query = Numbers::read(&wire["query"], tensors, 4)?;
        let key = Numbers::read(&wire["key"], tensors, 4)?;
        let value = Numbers::read(&wire["value"], tensors, 4)?;
        let ([batch, heads, _, head_dim], [b, kv_heads, kv_len, d]) = (axes(&query), axes(&key));
        if [b, d] != [batch, head_dim] || axes(&value)[..3] != [batch, kv_heads, kv_len] || heads % kv_heads != 0 {
            return Err(format!(
                "query {:?}, key {:?} and value {:?} do not fit",
                query.shape, key.shape, value.shape
            ));
        }
        let mask = match &wire["mask"] {
            Value::Null => None,
            mask => Some(read_mask(mask, tensors, axes(&query), kv_len)?),
        };
        Ok(Case {
            query,
            key,
            value,
            mask,
            is_causal: wire["is_causal"] == true,
            scale: wire["scale"].as_f64().ok_or("scale is missing")?,
            wants_weights: wire["want"]["weights"] == true,
        })
    }
}

fn read_mask(wire: &Value, tensors: &SafeTensors, query: [usize; 4], kv_len: usize) -> Result<Mask, String> {
    let rank = wire["rank"].as_u64().ok_or("the mask has no rank")? as usize;
    let cells = Numbers::read(&wire["tensor"], tensors, rank)?;
    let [batch, heads, q_len, _] = query;
    let due = match rank {
        2 => vec![batch, kv_len],
        3 => vec![batch, q_len, kv_len],
        4 => vec![batch, heads, q_len, kv_len],
        other => return Err(format!("a mask has rank 2, 3 or 4, not {other}")),
    };
    // Rank 4 broadcasts, but never over the keys.
    let fits = |axis: usize| cells.shape[axis] == due[axis] || (rank == 4 && axis < 3 && cells.shape[axis] == 1);
    if !(0..rank).all(fits) {
        return Err(format!(
            "a mask of shape {:?} was given where {due:?} is due",
            cells.shape
        ));
    }
    Ok(Mask {
        rank,
        is_additive: wire["form"] == "additive",
        cells,
    })
}

pub fn axes(numbers: &Numbers) -> [usize; 4] {
    numbers.shape.clone().try_into().expect("four axes")
}
