/** The made-up fleets of the tests and the stream's binary form, for the bench. */
export { encodeBinary } from '../mock/encode';
export { EPOCH_MS, fleetOf } from '../mock/fleet';
