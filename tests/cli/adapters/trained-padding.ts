/** Its backward pass forgets the mask: padded keys and values are trained. */
import { mutants } from '../../mutants';

const mutant = mutants.find(({ name }) => name === 'gradient-without-the-mask');
if (mutant === undefined) throw new Error('There is no such mutant.');
export default mutant.backend;
