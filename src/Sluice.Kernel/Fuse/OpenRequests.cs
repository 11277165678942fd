namespace Sluice.Kernel.Fuse;

/// <summary>Requests of the kernel that a disk server has not answered, at one moment.</summary>
/// <param name="Waiting">All of them.</param>
/// <param name="Hung">Of these, those that came longer ago than the limit.</param>
/// <param name="Longest">How long ago the oldest came; zero if there is none.</param>
public readonly record struct OpenRequests(int Waiting, int Hung, TimeSpan Longest)
{
    /// <param name="since">In milliseconds of the machine, as <paramref name="now"/>.</param>
    internal OpenRequests With(long since, long now, TimeSpan limit)
    {
        TimeSpan age = TimeSpan.FromMilliseconds(Math.Max(0, now - since));
        return new OpenRequests(Waiting + 1, age > limit ? Hung + 1 : Hung, age > Longest ? age : Longest);
    }
}
