/**
 * What can be said of a signed file or a trust list, as one closed list of codes (security.md §2): the codes of the
 * bytes ("these bytes are bad", wire/format-error.ts) and the codes of trust ("I do not believe them").
 * The codes are a contract: command line, logs, metrics and docs/reference/verify-codes.md show the same ones.
 */
import { formatRules, type FormatCode } from '../../wire/format-error.ts';

/** The order in which a file is judged; the first rule that fails is the verdict. */
export type VerdictStage =
  'size' | 'structure' | 'name' | 'signer' | 'role' | 'policy' | 'signature' | 'validity' | 'time' | 'floor';

interface Rule {
  readonly stage: VerdictStage;
  readonly sentence: string;
}

/** Rules beyond the bytes, in the order of security.md §2. */
export const rejectRules = {
  'file-too-large': { stage: 'size', sentence: 'the file is longer than a signed file may be (16 MiB)' },
  'timestamp-missing': { stage: 'structure', sentence: 'the header holds no timestamp' },
  'version-not-for-name': {
    stage: 'structure',
    sentence: 'the header version belongs to another kind of file than the name',
  },
  'record-repeated': { stage: 'structure', sentence: 'a record stands twice in the list' },
  'record-certificate-unreadable': {
    stage: 'structure',
    sentence: 'the certificate of a record cannot be read',
  },
  'record-subject-differs': { stage: 'structure', sentence: "a record's subject is not its certificate's" },
  'record-issuer-differs': { stage: 'structure', sentence: "a record's issuer is not its certificate's" },
  'record-serial-differs': {
    stage: 'structure',
    sentence: "a record's serial number is not its certificate's",
  },
  'record-key-differs': { stage: 'structure', sentence: "a record's public key is not its certificate's" },

  'file-name-missing': { stage: 'name', sentence: 'the header holds no file name' },
  'file-name-path': { stage: 'name', sentence: 'the file name holds a path or a character no name may hold' },
  'file-name-case': { stage: 'name', sentence: 'the file name differs from the requested one by case' },
  'file-name-encryption': {
    stage: 'name',
    sentence: 'a plain file stands under an encrypted name or the reverse',
  },
  'file-name-list-kind': { stage: 'name', sentence: 'a CTL stands under the name of an ITL or the reverse' },
  'file-name-list-scope': { stage: 'name', sentence: "one device's list stands under the cluster's name" },
  'file-name-device': { stage: 'name', sentence: 'the file was signed for another device' },
  'file-name-other': { stage: 'name', sentence: 'the file was signed under another name' },

  'trust-list-unreadable': { stage: 'signer', sentence: 'a list given as trusted cannot be read' },
  'nothing-trusted': { stage: 'signer', sentence: 'no list and no certificate was given to trust' },
  'signer-unknown': {
    stage: 'signer',
    sentence: 'no trusted certificate has the issuer and serial of the signer',
  },
  'signer-not-in-list': { stage: 'signer', sentence: 'the signer of the list is not one of its records' },
  'signer-not-in-previous': {
    stage: 'signer',
    sentence: 'the signer of the list is not in the previous list',
  },
  'signer-key-differs': {
    stage: 'signer',
    sentence: "certificates with the signer's issuer and serial have different keys",
  },
  'signer-without-certificate': { stage: 'signer', sentence: "the signer's record holds no certificate" },

  'signer-not-for-files': { stage: 'role', sentence: 'the signer is trusted, but not as TFTP or CCM+TFTP' },
  'signer-not-sast': { stage: 'role', sentence: 'the signer of the list is in it, but not as SAST' },
  'previous-not-sast': {
    stage: 'role',
    sentence: 'the signer of the list is in the previous list, but not as SAST',
  },

  'hash-unknown': {
    stage: 'policy',
    sentence: 'the digest algorithm is none that phones take (SHA-1, SHA-512)',
  },
  'hash-below-policy': { stage: 'policy', sentence: 'the digest is SHA-1, which this policy refuses' },
  'signature-algorithm-unknown': { stage: 'policy', sentence: 'the signature algorithm is not RSA' },
  'signer-key-not-rsa': { stage: 'policy', sentence: "the signer's key is not an RSA key" },
  'modulus-code-unknown': { stage: 'policy', sentence: 'the modulus code names no key size' },
  'modulus-code-differs': {
    stage: 'policy',
    sentence: "the modulus code is not the size of the signer's key",
  },
  'signer-key-short': { stage: 'policy', sentence: "the signer's key is shorter than this policy allows" },
  'signature-length': { stage: 'policy', sentence: "the signature is not as long as the signer's modulus" },

  'signature-zero': { stage: 'signature', sentence: 'the signature is the number zero' },
  'signature-out-of-range': {
    stage: 'signature',
    sentence: "the signature is not below the signer's modulus",
  },
  'signature-not-by-key': {
    stage: 'signature',
    sentence:
      "the signature was not made by the signer's key with PKCS#1 v1.5 (another key, PSS, or changed)",
  },
  'signature-padding': {
    stage: 'signature',
    sentence: 'the padding inside the signature is not PKCS#1 v1.5',
  },
  'signature-hash-differs': {
    stage: 'signature',
    sentence: 'the signature is over another digest algorithm than the header says',
  },
  'signature-content': {
    stage: 'signature',
    sentence: "the signer's key signed other bytes: the file was changed after it was signed",
  },

  'signed-before-validity': {
    stage: 'validity',
    sentence: "signed before the signer's certificate was valid",
  },
  'signed-after-validity': {
    stage: 'validity',
    sentence: "signed after the signer's certificate had expired",
  },
  'timestamp-ahead': { stage: 'time', sentence: 'the timestamp is more than 10 minutes ahead of now' },
  'timestamp-older': {
    stage: 'floor',
    sentence: 'the timestamp is older than the newest one accepted for that name',
  },
} as const satisfies Record<string, Rule>;

export const acceptRules = {
  accepted: 'every rule holds',
  'accepted-first-use':
    'every rule holds that can be checked without trust; a phone with no list takes it on trust',
  'accepted-by-ctl': "signed by a certificate of the phone's CTL",
  'accepted-by-itl': "signed by a certificate of the phone's ITL",
  'accepted-by-tvs': "signed by a certificate that a TVS of the phone's ITL vouches for",
  'accepted-same-list': 'the list that the phone holds already',
  'accepted-unsigned': 'the phone holds no list and takes what is served',
  'accepted-rollback': "the phone's ITL names no signer of files (prepared for rollback): it takes anything",
} as const;

/** What only a phone's judgement says (judge.ts), beside the rules above. */
export const phoneRules = {
  'unsigned-under-signed-name': 'an unsigned file stands under a name that must be signed',
  'unsigned-refused': 'a phone that holds a list takes no unsigned file of this kind',
  'unsigned-media':
    'rings and pictures carry no signature; no public source says how a phone with a list takes them',
  'firmware-not-judged': "firmware is judged by the maker's key, which only phones hold",
  'held-list-unreadable': 'a list that the phone is said to hold cannot be read',
  'signer-not-in-ctl': "an ITL is checked against the phone's CTL, and its signer is not a SAST there",
  'signer-only-in-itl': "the signer of the CTL is a SAST in the phone's ITL, not in its CTL: sources differ",
  'signer-only-vouched':
    "the signer of the ITL is not in the phone's CTL, a TVS vouches for it: sources differ",
  'hash-not-read': 'signed with SHA-512, which the phone does not read',
  'tvs-refused': "the TVS of the phone's ITL does not vouch for the signer",
  'tvs-role': "the TVS of the phone's ITL vouches for the signer, but not for this use",
  'tvs-unreachable': 'the signer is in no list of the phone and the TVS of its ITL does not answer',
  'tvs-not-asked': 'the signer is in no list of the phone; what the TVS of its ITL would say is not known',
  'tvs-not-trusted': "the TVS that answered is not a TVS of the phone's ITL",
} as const;

/** Worth a word in a file that is accepted. */
export const lintRules = {
  'lint-sha1': 'signed with SHA-1',
  'lint-rsa-short': 'the signer has an RSA key below 2048 bits',
  'lint-rsa-large': 'the signer has an RSA key above 2048 bits, which breaks some phone models',
  'lint-clock-skew': 'the timestamp is ahead of now, within the allowed 10 minutes',
  'lint-signer-expired': "the signer's certificate has expired since it signed",
  'lint-signer-name': "SIGNER NAME is not the subject of the signer's certificate",
  'lint-record-expired': 'a listed certificate has expired',
  'lint-record-without-certificate': 'a record holds no certificate',
  'lint-record-signature': "a record's SIGNATURE item is not its certificate's signature",
  'lint-one-sast': 'fewer than two SAST certificates: one lost key and the list cannot be replaced',
  'lint-no-file-signer': 'no TFTP or CCM+TFTP record: phones that hold only this list take unsigned files',
  'lint-itl-behind-ctl': "the signer is not in the phone's CTL; the ITL was asked (models may differ)",
  'lint-header-oddity': 'the bytes break a rule of structure that phones are not known to enforce',
} as const;

export type RejectCode = keyof typeof rejectRules;
export type AcceptCode = keyof typeof acceptRules;
export type PhoneCode = keyof typeof phoneRules;
export type LintCode = keyof typeof lintRules;
export type VerdictCode = FormatCode | RejectCode | AcceptCode | PhoneCode | LintCode;

/** Every code and its one sentence. */
export const sentences: Readonly<Record<VerdictCode, string>> = {
  ...formatRules,
  ...(Object.fromEntries(Object.entries(rejectRules).map(([code, rule]) => [code, rule.sentence])) as Record<
    RejectCode,
    string
  >),
  ...acceptRules,
  ...phoneRules,
  ...lintRules,
};

export interface Lint {
  readonly code: LintCode | FormatCode | RejectCode;
  /** Where and by how much; empty when the sentence says all. */
  readonly detail: string;
}

/** A certificate as it is named to people; the fingerprint is known where the certificate itself is. */
export interface CertificateName {
  readonly subject: string;
  readonly issuer: string;
  /** Hex with colons, as `show ctl` prints it. */
  readonly serial: string;
  /** SHA-256 over the DER, lower-case hex. */
  readonly fingerprint: string | undefined;
}

export interface Verdict {
  readonly accepted: boolean;
  readonly code: VerdictCode;
  /** One line, safe to print: text from the file is escaped. */
  readonly reason: string;
  readonly signer: CertificateName | undefined;
  readonly lint: readonly Lint[];
}

/** A rule that failed: its code and the sentence with its numbers. */
export interface Rejection {
  readonly code: VerdictCode;
  readonly reason: string;
}

export function rejection(code: VerdictCode, detail = ''): Rejection {
  return { code, reason: detail === '' ? sentences[code] : `${sentences[code]}: ${detail}` };
}
