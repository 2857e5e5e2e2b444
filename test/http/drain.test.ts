import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, it, vi } from 'vitest';
import { prepareDrain } from '../../src/http/drain.ts';
import { collectGarbage } from '../support/collect-garbage.ts';

const REQUEST = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n';

it('a server that may be drained keeps nothing of a connection that ended with unanswered requests', async () => {
  const unanswered: WeakRef<ServerResponse>[] = [];
  const server = createServer((_, answer) => void unanswered.push(new WeakRef(answer)));
  prepareDrain(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write(REQUEST.repeat(3));
  await vi.waitFor(() => expect(unanswered).toHaveLength(3));
  client.destroy();
  await vi.waitFor(() => {
    collectGarbage();
    expect(unanswered.filter((answer) => answer.deref() !== undefined)).toEqual([]);
  });
  server.close();
});
