/** Which builders fill which folder. */
import { judgeFiles } from './judge-files.ts';
import { strictFiles, type Vectors } from './strict-files.ts';
import { strictLists } from './strict-lists.ts';

export const vectorFolders: readonly { readonly folder: URL; readonly vectors: Vectors }[] = [
  {
    folder: new URL('../../test/vectors/strict/', import.meta.url),
    vectors: { ...strictFiles, ...strictLists },
  },
  { folder: new URL('../../test/vectors/judge/', import.meta.url), vectors: judgeFiles },
];
