import { expect, it } from 'vitest';
import { joinMetrics } from '../../../src/server/processes/join-metrics.ts';

const one = (writer: number): string => `# HELP glasskey_writer 1 if this process is the writer
# TYPE glasskey_writer gauge
glasskey_writer ${writer}

# HELP glasskey_requests_total Requests, "quoted" {braces}
# TYPE glasskey_requests_total counter
glasskey_requests_total{kind="issue",code="a b"} ${writer + 1}
`;

it('labels each sample with its process, below one description of its metric', () => {
  const joined = joinMetrics([
    { process: 1, text: one(1) },
    { process: 2, text: one(0) },
  ]);
  expect(joined).toBe(`# HELP glasskey_writer 1 if this process is the writer
# TYPE glasskey_writer gauge
glasskey_writer{process="1"} 1
glasskey_writer{process="2"} 0
# HELP glasskey_requests_total Requests, "quoted" {braces}
# TYPE glasskey_requests_total counter
glasskey_requests_total{process="1",kind="issue",code="a b"} 2
glasskey_requests_total{process="2",kind="issue",code="a b"} 1
`);
});
