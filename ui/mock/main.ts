/** Serves the built page over a made-up fleet: npm run mock -- [services] [port]. */
import { fleetOf } from './fleet';
import { MockServer } from './server';

const size = Number(process.argv[2] ?? 14);
const port = Number(process.argv[3] ?? 4320);
const server = new MockServer({ fleet: fleetOf(size), dist: 'dist', port });
console.log(`${size} services on ${await server.start()}`);
