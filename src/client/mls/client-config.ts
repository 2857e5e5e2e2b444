import {
  type AuthenticationService,
  type ClientConfig,
  defaultKeyPackageEqualityConfig,
  defaultKeyRetentionConfig,
  defaultLifetimeConfig,
  defaultPaddingConfig,
} from 'ts-mls';

/** A configuration of ts-mls without the service that decides who is who. */
export type ConfigBase = Omit<ClientConfig, 'authService'>;

/** Returns a configuration of ts-mls with an authentication service; the rest is by default that of ts-mls. */
export function configWith(authService: AuthenticationService, base: Partial<ConfigBase> = {}): ClientConfig {
  return {
    keyRetentionConfig: defaultKeyRetentionConfig,
    lifetimeConfig: defaultLifetimeConfig,
    keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
    paddingConfig: defaultPaddingConfig,
    ...base,
    authService,
  };
}
