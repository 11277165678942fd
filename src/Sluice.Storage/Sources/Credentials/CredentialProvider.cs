namespace Sluice.Storage.Sources.Credentials;

/// <summary>A credential provider plugin as the kubelet's <c>CredentialProviderConfig</c> describes it.</summary>
/// <param name="Program">Absolute path.</param>
/// <param name="MatchImages">For which images it is asked.</param>
/// <param name="DefaultCacheDuration">How long an answer is good that does not say it.</param>
/// <param name="ApiVersion">Of the protocol: <c>credentialprovider.kubelet.k8s.io/v1</c>.</param>
/// <param name="Environment">Added to that of this process.</param>
public sealed record CredentialProvider(
    string Program, IReadOnlyList<string> MatchImages, TimeSpan DefaultCacheDuration, string ApiVersion,
    IReadOnlyList<string> Arguments, IReadOnlyList<KeyValuePair<string, string>> Environment);
