import { createServer as createTls } from 'node:tls';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createServer as createProxyServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EgressSettings, SafeEgress } from '../../src/delivery/safe-egress.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { OTHER_TLS_PAIR, TLS_PAIR } from '../support/tls-pair.ts';

const HOST = 'keys.example';
const body = Buffer.from('{"hello":"there"}');
let receiver: Receiver;
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  receiver = await startReceiver();
  closing.push(() => receiver.close());
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const settings = (more: Partial<EgressSettings> = {}): EgressSettings => ({
  allowPrivate: ['127.0.0.1/32'],
  ports: [receiver.port],
  ca: TLS_PAIR.certificate,
  timeoutMs: 2_000,
  ...more,
});
const egress = (more: Partial<EgressSettings> = {}, addresses: readonly string[] = ['127.0.0.1']) =>
  new SafeEgress(settings(more), () => Promise.resolve(addresses));
const url = (host = HOST) => `https://${host}:${receiver.port}/hook?a=b`;
const post = (sender: SafeEgress, to = url()) => sender.post({ url: to, headers: { 'x-test': 'yes' }, body });
const notAllowed = expect.objectContaining({ code: 'invalid-request' }) as Error;
const failed = expect.objectContaining({ code: 'network-failed' }) as Error;

/** Listens without speaking HTTP. */
async function listen(serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe('a request to a place that a stranger chose', () => {
  it('arrives with the name of the host, and its answer comes back', async () => {
    receiver.answer = (response) => void response.writeHead(503, { 'retry-after': '7' }).end('later');
    const answer = await post(egress());
    expect({ ...answer, body: Buffer.from(answer.body).toString() }).toEqual({
      status: 503,
      retryAfterMs: 7_000,
      body: 'later',
    });
    expect(receiver.received).toEqual([
      {
        path: '/hook?a=b',
        headers: expect.objectContaining({ host: `${HOST}:${receiver.port}`, 'x-test': 'yes' }) as unknown,
        body,
      },
    ]);
  });

  it('resolves a name once, so that an answer that changes leads nowhere', async () => {
    const inside = await startReceiver({ address: '127.0.0.2' });
    closing.push(() => inside.close());
    const answers = [['127.0.0.1'], ['127.0.0.2'], ['127.0.0.2']];
    let asked = 0;
    const sender = new SafeEgress(settings({ allowPrivate: ['127.0.0.1/32'] }), () =>
      Promise.resolve(answers[asked++] ?? []),
    );
    await post(sender);
    expect([asked, receiver.received.length]).toEqual([1, 1]);
    await expect(post(sender)).rejects.toThrow(notAllowed);
    expect(inside.connections()).toBe(0);
  });

  it.each([
    ['a private address', ['10.0.0.1']],
    ['the metadata service of a cloud', ['169.254.169.254']],
    ['a mapped address', ['::ffff:169.254.169.254']],
    ['one private address among public ones', ['127.0.0.1', '192.168.0.1']],
    ['text that is no address', ['localhost']],
  ])('is not made if the name has %s', async (_, addresses) => {
    await expect(post(egress({}, addresses))).rejects.toThrow(notAllowed);
    expect(receiver.connections()).toBe(0);
  });

  it.each(['127.0.0.2', '0x7f.0.0.2', '017700000002', '2130706434', '[::1]', '[::ffff:127.0.0.2]'])(
    'is not made to %s',
    async (host) => {
      await expect(post(egress(), url(host))).rejects.toThrow(notAllowed);
    },
  );

  it('is made to port 443 alone, unless the operator says so', async () => {
    await expect(post(egress({ ports: undefined }))).rejects.toThrow(notAllowed);
    expect(receiver.connections()).toBe(0);
  });

  it('is not made to a host without an address', async () => {
    await expect(post(egress({}, []))).rejects.toThrow(failed);
  });

  it('follows no redirect', async () => {
    const inside = await startReceiver({ plain: true });
    closing.push(() => inside.close());
    receiver.answer = (response) =>
      void response.writeHead(307, { location: `http://127.0.0.1:${inside.port}/latest/meta-data` }).end();
    expect((await post(egress())).status).toBe(307);
    expect([receiver.received.length, inside.connections()]).toEqual([1, 0]);
  });

  it('reads a bounded part of an endless answer', async () => {
    let isEnded = false;
    receiver.answer = (response) => {
      const more = (): void =>
        void (isEnded || (response.write(Buffer.alloc(65_536)) ? setImmediate(more) : undefined));
      response.on('drain', more).on('close', () => (isEnded = true));
      more();
    };
    expect((await post(egress())).body).toHaveLength(4096);
    await expect.poll(() => isEnded).toBe(true);
  });

  it('does not inflate an answer', async () => {
    receiver.answer = (response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end('not gzip');
    expect(Buffer.from((await post(egress())).body).toString()).toBe('not gzip');
  });

  it.each([
    ['trickles its header', (socket: Socket) => trickle(socket, 'HTTP/1.1 200 OK\r\n', 'x-a: b\r\n')],
    ['trickles its body', (socket: Socket) => trickle(socket, 'HTTP/1.1 200 OK\r\n\r\n', 'a')],
    ['sends one interim answer after another', (socket: Socket) => trickle(socket, '', 'HTTP/1.1 103 Hints\r\n\r\n')],
    ['says nothing', () => undefined],
  ])('ends in time at a host that %s', async (_, serve) => {
    let isEnded = false;
    const server = createTls({ key: TLS_PAIR.key, cert: TLS_PAIR.certificate }, (socket) => {
      socket.on('error', () => undefined).resume();
      serve(socket);
    });
    server.on('connection', (socket: Socket) => socket.on('close', () => (isEnded = true)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const sender = egress({ ports: [port], timeoutMs: 300 });
    await expect(post(sender, `https://${HOST}:${port}/`)).rejects.toThrow(failed);
    await expect.poll(() => isEnded).toBe(true);
  });

  it('ends in time at a host that never finishes its handshake, and one that hangs up', async () => {
    for (const serve of [() => undefined, (socket: Socket) => void socket.destroy()]) {
      const port = await listen(serve);
      await expect(post(egress({ ports: [port], timeoutMs: 300 }), `https://${HOST}:${port}/`)).rejects.toThrow(failed);
    }
  });

  it('ends in time if the name resolves slowly', async () => {
    const sender = new SafeEgress(settings({ timeoutMs: 100 }), () => new Promise(() => undefined));
    await expect(post(sender)).rejects.toThrow(failed);
  });

  it('refuses a header that is too long', async () => {
    receiver.answer = (response) => void response.writeHead(200, { 'x-long': 'a'.repeat(12_000) }).end();
    await expect(post(egress())).rejects.toThrow(failed);
  });

  it('refuses a certificate for another name, or from nobody', async () => {
    const other = await startReceiver({ pair: OTHER_TLS_PAIR });
    closing.push(() => other.close());
    const ca = `${TLS_PAIR.certificate}${OTHER_TLS_PAIR.certificate}`;
    await expect(post(egress({ ports: [other.port], ca }), `https://${HOST}:${other.port}/`)).rejects.toThrow(failed);
    await expect(post(egress({ ca: undefined }))).rejects.toThrow(failed);
    expect([other.received, receiver.received]).toEqual([[], []]);
  });

  it('tells neither the address nor the name in its errors', async () => {
    const port = await listen((socket) => void socket.destroy());
    const error: unknown = await post(egress({ ports: [port] }), `https://${HOST}:${port}/secret`).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).not.toMatch(/secret|keys\.example|127\.0\.0\.1/);
    expect((error as Error).cause).toBeUndefined();
  });
});

describe('an egress proxy', () => {
  let proxy: Server;
  const asked: string[] = [];
  let credentials: string | undefined;
  beforeEach(async () => {
    asked.length = 0;
    proxy = createProxyServer((_, response) => void response.writeHead(405).end());
    proxy.on('connect', ({ url: authority = '', headers }, socket: Socket) => {
      asked.push(authority);
      credentials = headers['proxy-authorization'];
      const [host = '', port] = authority.split(':');
      const outward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        outward.pipe(socket).pipe(outward);
      });
      for (const end of [outward, socket]) end.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', () => resolve()));
    closing.push(() => proxy.close());
  });
  const through = () => `http://user:p%40ss@127.0.0.1:${(proxy.address() as AddressInfo).port}`;

  it('is asked for the address that was judged, never for the name', async () => {
    expect((await post(egress({ proxy: through() }))).status).toBe(200);
    expect(asked).toEqual([`127.0.0.1:${receiver.port}`]);
    expect(credentials).toBe(`Basic ${Buffer.from('user:p@ss').toString('base64')}`);
  });

  it('is not asked for an address inside', async () => {
    await expect(post(egress({ proxy: through() }, ['10.0.0.1']))).rejects.toThrow(notAllowed);
    expect(asked).toEqual([]);
  });

  it.each([
    ['refuses', 'HTTP/1.1 403 Forbidden\r\n\r\n'],
    ['answers itself', 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'],
    ['speaks no HTTP', 'SSH-2.0-x\r\n'],
  ])('that %s is a failure of the network', async (_, answer) => {
    const port = await listen((socket) => socket.once('data', () => socket.write(answer)));
    await expect(post(egress({ proxy: `http://127.0.0.1:${port}` }))).rejects.toThrow(failed);
  });

  it('that says nothing ends at the deadline', async () => {
    const port = await listen(() => undefined);
    const sender = egress({ proxy: `http://127.0.0.1:${port}`, timeoutMs: 200 });
    await expect(post(sender)).rejects.toThrow(failed);
  });

  it.each(['proxy.example:3128', 'socks5://proxy.example', 'http://proxy.example/path'])('is not %s', (text) => {
    expect(() => egress({ proxy: text })).toThrow(expect.objectContaining({ code: 'usage' }) as Error);
  });
});

/** Sends the beginning, and a bit more every 20 ms, until the other side has had enough. */
function trickle(socket: Socket, start: string, more: string): void {
  socket.write(start);
  const timer = setInterval(() => socket.write(more), 20);
  socket.on('close', () => clearInterval(timer));
}
