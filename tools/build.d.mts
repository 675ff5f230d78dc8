/** What of build.mjs the tests use: it stays plain JavaScript because it runs before anything is installed. */
export const root: string;
export const entry: string;
export function isBuilt(): boolean;
