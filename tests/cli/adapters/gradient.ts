/** Attention whose backward pass forgets the scale; with MASKPROOF_TEST_MENDED, one whose does not. */
import { Attention, backendOf } from '../../mutants/base';
import { gradients } from '../../mutants/gradients';

const name = 'gradient-scale-forgotten';
export default process.env.MASKPROOF_TEST_MENDED
  ? backendOf(name, Attention)
  : gradients.find((mutant) => mutant.name === name)?.backend;
