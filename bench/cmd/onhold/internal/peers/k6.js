// A JSON summary and no bodies, as k6 advises for large tests.
import http from 'k6/http';
const rate = {rate};
const load = rate
  ? { scenarios: { paced: { executor: 'constant-arrival-rate', rate, timeUnit: '1s', duration: '{seconds}s', preAllocatedVUs: {clients}, maxVUs: 10 * {clients} } } }
  : { vus: {clients}, duration: '{seconds}s' };
export const options = { ...load, discardResponseBodies: true, summaryTrendStats: ['med'] };
export default function () { http.get('{url}'); }
export function handleSummary(data) { return { stdout: JSON.stringify(data) }; }
