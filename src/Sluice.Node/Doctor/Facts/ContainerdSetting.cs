using Sluice.Formats.Toml;

namespace Sluice.Node.Doctor.Facts;

/// <summary>A value in containerd's configuration, and where it stands.</summary>
internal sealed record ContainerdSetting(string File, TomlValue Value)
{
    public string? Text => Value.Content as string;

    public bool IsTrue => Value.Content is true;

    public string Place => $"{File}:{Value.Line}";
}
