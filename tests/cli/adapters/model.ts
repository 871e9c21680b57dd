/** A whole model that takes its mask and never uses it; with MASKPROOF_TEST_MENDED, one that does. */
import { modelMutants } from '../../mutants/models';
import { modelBackendOf, TinyModel } from '../../mutants/tiny-model';

const name = 'padding-visible';
export default process.env.MASKPROOF_TEST_MENDED
  ? modelBackendOf(name, TinyModel)
  : modelMutants.find((mutant) => mutant.name === name)?.backend;
