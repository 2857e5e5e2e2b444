/** Where each of these takes the text for people. */
const MESSAGE = { ensure: 2, ensureProof: 1, assertTile: 1, decodeError: 0, GlasskeyError: 1 };

/**
 * Leaves the messages of errors unmutated: they are for people and may change, and tests assert codes (CONTRIBUTING). The
 * codes beside them are mutated.
 */
const messages = {
  shouldIgnore({ node, parent }) {
    if (node.type !== 'StringLiteral' && node.type !== 'TemplateLiteral') return undefined;
    if (parent?.type !== 'CallExpression' && parent?.type !== 'NewExpression') return undefined;
    return parent.arguments.indexOf(node) === MESSAGE[parent.callee.name] ? 'the message of an error' : undefined;
  },
};

export const strykerPlugins = [{ kind: 'Ignore', name: 'messages', value: messages }];
