using System.Runtime.CompilerServices;
using Sluice.Formats.OverlayBd.Lsmt;

namespace Sluice.Formats.OverlayBd.Index;

/// <summary>For processors without vectors, and the reference of the tests. Counts without branches.</summary>
internal readonly unsafe struct ScalarSearch : IExtentSearch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountKeys(int* node, int key)
    {
        int count = 0;
        for (int i = 0; i < KeyTree.Fanout; i++) count += node[i] <= key ? 1 : 0;
        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CountEnded(LsmtExtent* group, long offset)
    {
        int count = 0;
        for (int i = 0; i < KeyTree.GroupSize; i++) count += group[i].End <= offset ? 1 : 0;
        return count;
    }
}
