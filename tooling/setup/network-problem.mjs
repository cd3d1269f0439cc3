const NODE_CODES = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT)\b/;
const PNPM_CODES = /\bERR_PNPM_\w*NETWORK_ERROR\b/;

/**
 * Whether npm or pnpm failed because nothing answered.
 *
 * @type {(output: string) => boolean}
 */
export function isNetworkProblem(output) {
  return NODE_CODES.test(output) || PNPM_CODES.test(output);
}
