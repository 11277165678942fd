using Sluice.Formats;

namespace Sluice.Containerd.Cri;

/// <summary>The login that came with a pull of an image. Source: k8s.io/cri-api, AuthConfig.</summary>
/// <param name="Image">As the caller names it.</param>
/// <param name="Auth">User and password, joined by a colon, in base 64: stands for both where it is given.</param>
/// <param name="ServerAddress">The registry that the login is for; empty: that of the image.</param>
public sealed record PullLogin(string Image, string User, Secret Password, Secret Auth, string ServerAddress, Secret IdentityToken, Secret RegistryToken);
