import { startServer } from 'glasskey/server';

process.once('uncaughtException', ({ message }) => process.exit(console.error(message) ?? 1));
const [data = 'glasskey-data'] = process.argv.slice(2);
const server = await startServer({ data, listen: '127.0.0.1:0', dev: true });
console.log(`listening on ${server.url}`);
process.on('SIGHUP', () => void server.reload());
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void server.stop());
