//! Scaled dot-product attention in plain loops, in float64, rounded once at the end.

use safetensors::Dtype;
use serde_json::{json, Value};

use crate::case::{axes, Case, Mask, Tensor};

pub fn supports() -> Value {
    json!({
        "dtypes": ["float32", "float64"],
        "mask_ranks": [2, 3, 4],
        "mask_forms": ["boolean", "additive", "integer"],
        "causal": "bottom_right",
        "bidirectional": true,
        "fully_masked_row": "zeros",
        "grouped_heads": true,
        "cache": true,
        "cross_length": true,
        "value_dim": true,
        "scale": true,
        "returns": ["output", "weights"],
        "poison": { "keys": ["boolean", "additive", "integer"], "values": ["boolean", "additive", "integer"] },
    })
}

/// The tensors of the answer, by name.
pub fn attend(case: &Case) -> Result<Vec<(&'static str, Tensor)>, String> {
    let [batch, heads, q_len, head_dim] = axes(&case.query);
    let [_, kv_heads, kv_len, v_head_dim] = axes(&case.value);
    let mut output = vec![0.0; batch * heads * q_len * v_head_dim];
    let mut weights = vec![0.0; batch * heads * q_len * kv_len];
    for b in 0..batch {
        for h in 0..heads {
            let kv_head = b * kv_heads + h / (heads / kv_heads);
            for i in 0..q_len {
                let row = (b * heads + h) * q_len + i;
                let query = &case.query.data[row * head_dim..][..head_dim];
                // Dropped keys are left out, so what they hold cannot be felt.
                let scores: Vec<(usize, f64)> = (0..kv_len)
                    .filter_map(|j| {
                        let bias = kept_with(case, b, h, i, j)?;
                        let key = &case.key.data[(kv_head * kv_len + j) * head_dim..][..head_dim];
                        let dot: f64 = query.iter().zip(key).map(|(q, k)| q * k).sum();
                        Some((j, dot * case.scale + bias))
                    })
                    .collect();
                let top = scores.iter().fold(f64::NEG_INFINITY, |top, &(_, score)| top.max(score));
                let sum: f64 = scores.iter().map(|(_, score)| (score - top).exp()).sum();
                for (j, score) in scores {
                    let weight = (score - top).exp() / sum;
                    weights[row * kv_len + j] = weight;
                    for d in 0..v_head_dim {
                        output[row * v_head_dim + d] +=
                            weight * case.value.data[(kv_head * kv_len + j) * v_head_dim + d];
                    }
                }
            }
        }
    }
    let dtype = case.query.dtype;
    let mut answer = vec![(
        "output",
        Tensor::from_numbers(dtype, &[batch, heads, q_len, v_head_dim], &output),
    )];
    if case.wants_weights {
        answer.push((
            "weights",
            Tensor::from_numbers(dtype, &[batch, heads, q_len, kv_len], &weights),
        ));
    }
    Ok(answer)
}

/// What is added to the score of a key that the query may see; None where it may not.
fn kept_with(case: &Case, b: usize, h: usize, i: usize, j: usize) -> Option<f64> {
    let [_, _, q_len, _] = axes(&case.query);
    let [_, _, kv_len, _] = axes(&case.key);
    let is_authoritative = case.mask.as_ref().is_some_and(|mask| mask.rank == 4);
    // Query i stands at i + kv_len - q_len.
    if case.is_causal && !is_authoritative && j + q_len > i + kv_len {
        return None;
    }
    match &case.mask {
        None => Some(0.0),
        Some(mask) => {
            let cell = cell(mask, b, h, i, j);
            if mask.is_additive {
                (cell != f64::NEG_INFINITY && cell != lowest(mask.cells.dtype)).then_some(cell)
            } else {
                (cell != 0.0).then_some(0.0)
            }
        }
    }
}

/// The mask's cell: [batch, kv_len], [batch, q_len, kv_len] or [batch or 1, num_heads or 1, q_len or 1, kv_len].
fn cell(mask: &Mask, b: usize, h: usize, i: usize, j: usize) -> f64 {
    let shape = &mask.cells.shape;
    let indices: Vec<usize> = match mask.rank {
        2 => vec![b, j],
        3 => vec![b, i, j],
        _ => vec![b, h, i, j],
    };
    let at = shape.iter().zip(&indices).fold(0, |at, (&length, &index)| {
        at * length + if length == 1 { 0 } else { index }
    });
    mask.cells.data[at]
}

/// finfo(dtype).min
fn lowest(dtype: Dtype) -> f64 {
    if dtype == Dtype::F64 {
        f64::MIN
    } else {
        f32::MIN as f64
    }
}
