/** ONNX models in memory: a graph of a few operators as the bytes that ONNX Runtime loads. Field numbers are those of onnx.proto. */
import type { PbfWriter } from 'pbf';

/** The element types that are used here, by their number in TensorProto.DataType. */
const elementTypes = { float32: 1, int32: 6, int64: 7, bool: 9, float16: 10, float64: 11 } as const;
type ElementType = keyof typeof elementTypes;

export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
}

export interface OnnxNode {
  readonly operator: string;
  readonly domain?: string;
  /** An empty name is an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly ints?: Readonly<Record<string, number>>;
  readonly floats?: Readonly<Record<string, number>>;
}

export interface OnnxModel {
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** The version of the format itself: the first that knows opset 23. */
const irVersion = 10;
/** AttributeProto.AttributeType */
const attributeType = { float: 1, int: 2 } as const;

/** The model as bytes. Shapes are left open: one model serves every shape. */
export async function encodeModel(model: OnnxModel): Promise<Uint8Array> {
  // An ES module; loaded only by who makes a model.
  const { PbfWriter } = await import('pbf');
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, irVersion);
  pbf.writeMessage(7, writeGraph, model);
  for (const opset of model.opsets) pbf.writeMessage(8, writeOpset, opset);
  return pbf.finish();
}

function writeOpset({ domain, version }: OnnxModel['opsets'][number], pbf: PbfWriter): void {
  pbf.writeStringField(1, domain);
  pbf.writeVarintField(2, version);
}

function writeGraph({ nodes, inputs, outputs }: OnnxModel, pbf: PbfWriter): void {
  for (const node of nodes) pbf.writeMessage(1, writeNode, node);
  pbf.writeStringField(2, 'attention');
  for (const value of inputs) pbf.writeMessage(11, writeValue, value);
  for (const value of outputs) pbf.writeMessage(12, writeValue, value);
}

function writeNode(node: OnnxNode, pbf: PbfWriter): void {
  for (const name of node.inputs) pbf.writeStringField(1, name);
  for (const name of node.outputs) pbf.writeStringField(2, name);
  pbf.writeStringField(4, node.operator);
  for (const [name, value] of Object.entries(node.ints ?? {})) pbf.writeMessage(5, writeInt, { name, value });
  for (const [name, value] of Object.entries(node.floats ?? {})) pbf.writeMessage(5, writeFloat, { name, value });
  pbf.writeStringField(7, node.domain ?? '');
}

interface Attribute {
  readonly name: string;
  readonly value: number;
}

function writeInt({ name, value }: Attribute, pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  pbf.writeVarintField(3, value);
  pbf.writeVarintField(20, attributeType.int);
}

function writeFloat({ name, value }: Attribute, pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  pbf.writeFloatField(2, value);
  pbf.writeVarintField(20, attributeType.float);
}

function writeValue({ name, type }: OnnxValue, pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  pbf.writeMessage(2, writeTensorType, type);
}

/** TypeProto { tensor_type { elem_type } } */
function writeTensorType(type: ElementType, pbf: PbfWriter): void {
  pbf.writeMessage(1, (element: ElementType, inner) => inner.writeVarintField(1, elementTypes[element]), type);
}
